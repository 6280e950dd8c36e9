import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from ebbtide.domain.customer import Stage
from ebbtide.domain.decision import Recommendation
from ebbtide.domain.event import Event, Product, Properties
from ebbtide.errors import StoreError
from features.signals import repertoire
from models import copurchase
from models.recommendations import ITEMS, NEIGHBOURS, POPULAR, Recommender, Wanted, fit, publish

DAY = 86_400.0
NOW = 20_000 * DAY


def order(day: float, *products: str, customer: str = "c", name: str = "Order Completed") -> Event:
    lines = tuple(Product(product_id=product, name=product.title(), price=2.0) for product in products)
    return Event(f"{customer}-{day}", customer, name, day * DAY, Properties(products=lines))


def shop() -> list[Event]:
    """Tea goes with scones; milk is in every order; kites were popular a year ago."""
    recent = [order(19_990 + n % 10, "tea", "scones", "milk") for n in range(12)]
    recent += [order(19_990 + n, "milk", "nails") for n in range(6)]
    return recent + [order(19_600 + n, "kites") for n in range(40)]


def ask(
    redis: Redis, *held: tuple[str, float, float], limit: int = 3, **others: object
) -> list[Recommendation]:
    options = {"stage": Stage.ACTIVE, "now": NOW} | others
    wanted = Wanted(held, limit=limit, **options)  # type: ignore[arg-type]
    return list(Recommender(redis).recommend([wanted], now=wanted.now)[0])


def test_products_that_share_orders_are_neighbours() -> None:
    table = fit(shop())
    assert [product for product, _ in table.neighbours["tea"]] == ["scones", "milk"]
    assert "nails" not in dict(table.neighbours["tea"])
    assert "kites" not in table.neighbours


def test_few_shared_orders_count_less_than_many() -> None:
    few = [order(n, "ink", "quill") for n in range(2)]
    many = [order(n, "tea", "scones") for n in range(50)]
    table = fit(few + many)
    assert dict(table.neighbours["ink"])["quill"] < dict(table.neighbours["tea"])["scones"]


def test_what_sells_now_is_more_popular_than_what_sold_more_long_ago() -> None:
    table = fit(shop())
    assert table.popular[0] == ("milk", 1.0)
    assert table.items["kites"].popularity < table.items["nails"].popularity
    assert table.items["milk"] == copurchase.Item("Milk", None, 2.0, 1.0)


def test_refunds_and_views_teach_nothing() -> None:
    assert fit([order(1, "tea", name="Order Refunded"), order(1, "tea", name="Product Viewed")]).items == {}


def test_a_wholesale_order_does_not_say_what_goes_together() -> None:
    everything = [str(n) for n in range(copurchase.MAX_BASKET + 1)]
    table = fit([order(1, *everything), order(2, *everything)])
    assert table.neighbours == {}
    assert len(table.items) == len(everything)


def test_the_numbers_of_items_and_pairs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copurchase, "MAX_ITEMS", 3)
    monkeypatch.setattr(copurchase, "MAX_PAIRED", 2)
    table = fit(shop())
    assert len(table.items) == 3
    assert len(table.neighbours) <= 2


@settings(max_examples=40, deadline=None)
@given(baskets=st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=25))
def test_neighbours_are_the_shrunk_cosine_of_shared_orders(baskets: list[set[str]]) -> None:
    table = fit([order(day, *sorted(basket)) for day, basket in enumerate(baskets)])
    for product in "abcdefgh":
        for other in set("abcdefgh") - {product}:
            shared = sum({product, other} <= basket for basket in baskets)
            bought, likewise = (sum(each in basket for basket in baskets) for each in (product, other))
            if shared < copurchase.MIN_TOGETHER:
                assert other not in dict(table.neighbours.get(product, ()))
            else:
                score = shared / math.sqrt(bought * likewise) * shared / (shared + copurchase.SHRINKAGE)
                assert dict(table.neighbours[product])[other] == pytest.approx(score, abs=1e-4)


def test_an_unknown_customer_gets_what_is_popular(redis: Redis) -> None:
    publish(fit(shop()), redis)
    answer = ask(redis, stage=Stage.NEW)
    assert [each.product_id for each in answer] == ["milk", "scones", "tea"]  # the last two sell alike
    assert {each.reason for each in answer} == {"popular now"}


def test_a_buyer_of_tea_gets_scones_and_the_reason(redis: Redis) -> None:
    publish(fit(shop()), redis)
    found = {each.product_id: each for each in ask(redis, ("tea", 1.0, NOW - 5 * DAY))}
    assert found["scones"].name == "Scones"
    assert found["scones"].reason == "bought together with Tea"
    assert found["tea"].reason == "you bought it before"


def test_a_habit_is_told_with_its_interval(redis: Redis) -> None:
    publish(fit(shop()), redis)
    state = repertoire.State()
    for day in range(19_100, 19_992, 9):
        repertoire.update(state, order(day, "tea"))
    held = repertoire.held(state, NOW)
    assert ask(redis, *held)[0].reason == "you buy it every ~9 days"


def test_what_is_due_comes_before_what_was_just_bought(redis: Redis) -> None:
    publish(fit(shop()), redis)
    answer = ask(redis, ("tea", 8.0, NOW - 15 * DAY), ("nails", 8.0, NOW), limit=5)
    places = [each.product_id for each in answer]
    assert places.index("tea") < places.index("nails")


def test_not_all_of_an_answer_is_what_was_bought_before(redis: Redis) -> None:
    publish(fit(shop()), redis)
    held = [(product, 8.0, NOW - 30 * DAY) for product in ("tea", "nails", "kites")]
    answer = ask(redis, *held, limit=3)
    assert len(answer) == 3
    assert {each.product_id for each in answer} - {"tea", "nails", "kites"}


def test_an_answer_is_filled_with_what_was_bought_before_if_there_is_nothing_else(redis: Redis) -> None:
    publish(fit([order(1, "tea"), order(1, "milk"), order(1, "ink")]), redis)
    held = [(product, 2.0, NOW) for product in ("tea", "milk", "ink")]
    assert len(ask(redis, *held, limit=3)) == 3


def test_products_of_one_name_are_shown_once(redis: Redis) -> None:
    twins = [Product(product_id=product, name="Milk") for product in ("m1", "m2", "m3")]
    publish(fit([Event("1", "c", "Order Completed", NOW, Properties(products=tuple(twins)))]), redis)
    assert [each.name for each in ask(redis)] == ["Milk"]


def test_nothing_published_gives_no_recommendations(redis: Redis) -> None:
    assert ask(redis) == []
    publish(fit([]), redis)
    assert ask(redis, ("tea", 1.0, NOW))[0].product_id == "tea"
    assert ask(redis) == []


def test_a_new_table_replaces_the_old_one(redis: Redis) -> None:
    publish(fit(shop()), redis)
    publish(fit([order(1, "ink", "quill"), order(2, "ink", "quill")]), redis)
    assert {each.product_id for each in ask(redis)} == {"ink", "quill"}
    assert redis.hkeys(ITEMS) == [b"ink", b"quill"]


@pytest.mark.parametrize("key", [POPULAR, NEIGHBOURS, ITEMS])
def test_what_publish_did_not_write_is_a_clear_error(redis: Redis, key: str) -> None:
    publish(fit(shop()), redis)
    if key == POPULAR:
        redis.set(key, b"\x80\x04junk")
    else:
        redis.hset(key, "tea", b"\x80\x04junk")
    with pytest.raises(StoreError, match="publish them again"):
        ask(redis, ("tea", 1.0, NOW))


def test_answers_for_many_share_what_is_read_and_keep_it_for_a_while(redis: Redis) -> None:
    publish(fit(shop()), redis)
    recommender = Recommender(redis)
    wanted = [
        Wanted((), NOW, Stage.NEW, 3),
        Wanted([("tea", 1.0, NOW)], NOW, Stage.ACTIVE, 3),
        Wanted([("milk", 2.0, NOW), ("tea", 1.0, NOW)], NOW, Stage.ACTIVE, 3),
    ]

    def trips(now: float) -> int:
        before = redis.info("stats")["total_commands_processed"]
        recommender.recommend(wanted, now=now)
        return redis.info("stats")["total_commands_processed"] - before - 1

    assert [trips(NOW), trips(NOW + 1), trips(NOW + 30)] == [3, 0, 3]


def test_a_product_that_is_published_later_is_known_before_a_minute_is_over(redis: Redis) -> None:
    recommender = Recommender(redis)
    wanted = [Wanted((), NOW, Stage.NEW, 3)]
    assert recommender.recommend(wanted, now=NOW) == [()]
    publish(fit(shop()), redis)
    assert recommender.recommend(wanted, now=NOW + 60)[0]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    held=st.lists(
        st.tuples(
            st.sampled_from(["tea", "scones", "milk", "nails", "kites", "unheard of"]),
            st.floats(0.0, 1e6),
            st.floats(NOW - 1e9, NOW + 1e6),
        ),
        unique_by=lambda row: row[0],
    ),
    stage=st.sampled_from(Stage),
    limit=st.integers(0, 10),
    exclude=st.sets(st.sampled_from(["tea", "milk", "kites"])),
)
def test_an_answer_is_ranked_distinct_within_its_limit_and_without_the_excluded(
    redis: Redis,
    held: list[tuple[str, float, float]],
    stage: Stage,
    limit: int,
    exclude: set[str],
) -> None:
    publish(fit(shop()), redis)
    answer = ask(redis, *held, stage=stage, limit=limit, exclude=exclude)
    assert len(answer) <= limit
    assert len({each.name for each in answer}) == len({each.product_id for each in answer}) == len(answer)
    assert not exclude & {each.product_id for each in answer}
    scores = [each.score for each in answer]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isfinite(score) for score in scores)
    assert msgspec.json.encode(answer)
