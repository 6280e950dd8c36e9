import msgspec
import pytest
from fastapi.testclient import TestClient

from ebbtide.domain.alert import Alert, ClearedBy, Status
from ebbtide.domain.customer import Stage
from ebbtide.logs.alerts import AlertLog, Last
from serving.schemas_alerts import EXAMPLE, AlertShape, AlertsResponse
from tests.serving.conftest import is_problem

RAISED = msgspec.convert(EXAMPLE["alerts"][0], Alert)


@pytest.fixture
def alerts(redis):
    """Nine open alerts, worth 0 to 8; every third of a dormant customer; and one that was cleared."""
    log = AlertLog(redis)
    for n in range(10):
        stage = Stage.DORMANT if n % 3 == 0 else Stage.SLIPPING
        changes = {"alert_id": f"a{n}", "customer_id": f"c{n}", "value_at_risk": float(n), "stage": stage}
        log.put(msgspec.structs.replace(RAISED, **changes), 0.0, None)
    log.clear(Last("a9", 0.0), ClearedBy.ORDER, 5.0)


def found(client, **query):
    answer = client.get("/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [each["alertId"] for each in body["alerts"]], body["next"]


def test_without_an_alert_the_list_is_empty(client):
    assert found(client) == ([], None)


def test_open_alerts_come_by_value_at_risk(client, alerts):
    assert found(client) == ([f"a{n}" for n in reversed(range(9))], None)


def test_filters_hold(client, alerts):
    assert found(client, minValue=7)[0] == ["a8", "a7"]
    assert found(client, stage="dormant")[0] == ["a6", "a3", "a0"]
    assert found(client, status="cleared")[0] == ["a9"]
    assert found(client, status="cleared", minValue=10)[0] == []


@pytest.mark.parametrize("stage", [None, "dormant"])
@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9])
def test_pages_follow_one_another_without_gap_or_repetition(client, alerts, limit, stage):
    query = {"limit": limit} | ({} if stage is None else {"stage": stage})
    whole, _ = found(client, **query | {"limit": 200})
    collected, cursor = [], None
    while True:
        page, cursor = found(client, **query, **({} if cursor is None else {"cursor": cursor}))
        assert len(page) <= limit
        collected += page
        if cursor is None:
            break
    assert collected == whole


def test_a_cursor_holds_while_alerts_come_and_go(client, alerts, redis):
    page, cursor = found(client, limit=4)
    AlertLog(redis).clear(Last(page[-1], 0.0), ClearedBy.ORDER, 5.0)
    assert found(client, cursor=cursor)[0] == ["a4", "a3", "a2", "a1", "a0"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"status": "shut"}, "status"),
        (
            {"minvalue": 9},
            "`minvalue`: expected a parameter of status, minValue, stage, limit, cursor; found",
        ),
        ({"minValue": "much"}, "minValue"),
        ({"minValue": -1}, "minValue"),
        ({"minValue": "nan"}, "minValue"),
        ({"stage": "gone"}, "stage"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        ({"cursor": "%ff"}, "cursor"),
        ({"cursor": "x" * 201}, "cursor"),
    ],
)
def test_bad_input_is_a_problem_that_names_it(client, query, named):
    assert named in is_problem(client.get("/v1/alerts", params=query), 422)["detail"]


def test_the_key_is_asked_for_as_for_decisions(make_app):
    with TestClient(make_app(api_key="secret-key")) as client:
        is_problem(client.get("/v1/alerts"), 401)
        assert client.get("/v1/alerts", headers={"Authorization": "Bearer secret-key"}).status_code == 200


def test_without_redis_it_is_a_problem(no_redis):
    is_problem(no_redis.get("/v1/alerts"), 503)


def test_the_example_and_the_shape_are_those_of_the_noun():
    AlertsResponse.model_validate(EXAMPLE)
    shape = {field.alias for field in AlertShape.model_fields.values()}
    assert shape == {field.encode_name for field in msgspec.structs.fields(Alert)}
    assert msgspec.json.decode(msgspec.json.encode(RAISED)) == EXAMPLE["alerts"][0]
    assert RAISED.status is Status.OPEN
