import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import Event, decode
from ebbtide.errors import InputError
from ebbtide.logs.rejected import RejectedLog
from streaming.importing.importer import import_events, open_log
from streaming.importing.mapping import parse_mapping
from streaming.importing.report import Report

NOW = 1_800_000_000.0
SHOP = "customer=who,time=when,order=order,product=item,quantity=n,price=price"


def run(
    path: Path, mapping: str | None = SHOP, *, shift_to_now: bool = False, strict: bool = False
) -> tuple[list[Event], Report, RejectedLog]:
    report, rejected = Report(), RejectedLog(path.parent / "rejected")
    log = open_log(path, parse_mapping(mapping) if mapping else None)
    batches = import_events(log, rejected, report, now=NOW, shift_to_now=shift_to_now, strict=strict)
    return [decode(raw) for batch in batches for raw in batch], report, rejected


def shop(folder: Path, *lines: str, header: str = "who,when,order,item,n,price") -> Path:
    path = folder / "shop.csv"
    path.write_text("\n".join([header, *lines]))
    return path


def test_lines_of_one_order_become_one_event(tmp_path: Path) -> None:
    path = shop(
        tmp_path,
        "7,2020-01-01 10:01,A,tea,2,1.5",
        "7,2020-01-01 10:00,A,milk,1,0.8",
        "8,2020-01-01,B,tea,1,2",
    )
    events, report, _ = run(path)
    assert [(event.customer, event.properties.order_id) for event in events] == [("8", "B"), ("7", "A")]
    order = events[1]
    assert order.at == 1_577_872_800.0
    assert [(line.id, line.quantity, line.price) for line in order.properties.products] == [
        ("milk", 1.0, 0.8),
        ("tea", 2.0, 1.5),
    ]
    assert order.properties.revenue == 3.8
    assert (report.lines, report.events, report.first) == (3, {"Order Completed": 2}, events[0].at)


def test_without_an_order_column_lines_of_one_customer_at_one_time_are_one_order(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,,tea,1,1", "7,2020-01-01,,milk,1,1", "7,2020-01-02,,tea,1,1")
    for mapping in (SHOP, SHOP.replace("order=order,", "")):
        assert [len(event.properties.products) for event in run(path, mapping)[0]] == [2, 1]


def test_customer_and_time_alone_are_enough(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01", header="who,when")
    [event] = run(path, "customer=who,time=when")[0]
    assert (event.customer, event.name, event.properties.revenue) == ("7", "Order Completed", None)
    assert event.properties.products == ()


def test_a_return_becomes_an_order_refunded_with_positive_money(tmp_path: Path) -> None:
    [event] = run(shop(tmp_path, "7,2020-01-01,C1,tea,-2,1.5"))[0]
    assert event.name == "Order Refunded"
    assert event.properties.revenue == 3.0
    assert event.properties.products[0].quantity == 2.0


def test_a_mixed_order_is_split_into_a_purchase_and_a_refund_of_the_same_order(tmp_path: Path) -> None:
    events, _, _ = run(shop(tmp_path, "7,2020-01-01,A,tea,3,2", "7,2020-01-01,A,milk,-1,1"))
    assert {(event.name, event.properties.order_id, event.properties.revenue) for event in events} == {
        ("Order Completed", "A", 6.0),
        ("Order Refunded", "A", 1.0),
    }


def test_a_negative_value_is_a_return_too(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,-5", "7,2020-01-02,5", header="who,when,money")
    events, _, _ = run(path, "customer=who,time=when,value=money")
    assert [(event.name, event.properties.revenue) for event in events] == [
        ("Order Refunded", 5.0),
        ("Order Completed", 5.0),
    ]


def test_an_order_number_that_starts_with_c_is_no_return_by_itself(tmp_path: Path) -> None:
    assert run(shop(tmp_path, "7,2020-01-01,C1,tea,2,1.5"))[0][0].name == "Order Completed"


def test_value_is_the_money_of_a_line_and_price_that_of_a_unit(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,tea,4,3.0,10", header="who,when,item,n,price,paid")
    both = "customer=who,time=when,product=item,quantity=n,price=price,value=paid"
    assert (order := run(path, both)[0][0].properties).revenue == 10.0
    assert order.products[0].price == 3.0
    value_only = both.replace("price=price,", "")
    assert run(path, value_only)[0][0].properties.products[0].price == 2.5


def test_equal_lines_all_count(tmp_path: Path) -> None:
    [event] = run(shop(tmp_path, *["7,2020-01-01,A,tea,1,2"] * 3))[0]
    assert (len(event.properties.products), event.properties.revenue) == (3, 6.0)


def test_importing_twice_gives_the_same_ids_even_when_times_are_moved(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,A,tea,1,1", "7,2020-01-01,A,tea,-1,1", "8,2020-01-01,A,tea,1,1")
    plain, moved = run(path)[0], run(path, shift_to_now=True)[0]
    assert [event.id for event in plain] == [event.id for event in moved]
    assert len({event.id for event in plain}) == 3


def test_the_last_event_of_a_moved_log_happens_now_and_gaps_stay(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,A,tea,1,1", "8,2020-01-03 12:00,B,tea,1,1")
    events, report, _ = run(path, shift_to_now=True)
    assert [event.at for event in events] == [NOW - 2.5 * 86_400, NOW]
    assert report.last == NOW
    assert report.shift == NOW - 1_578_052_800


def test_a_mistyped_year_does_not_move_the_whole_log(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,A,tea,1,1", "8,2220-01-01,B,tea,1,1")
    events, report, _ = run(path, shift_to_now=True)
    assert [event.at for event in events] == [NOW]
    assert report.rejected == {"time in the future": 1}


def test_rows_that_cannot_be_used_are_kept_with_line_and_reason(tmp_path: Path) -> None:
    path = shop(
        tmp_path,
        ",2020-01-01,A,tea,1,1",
        "7,soon,A,tea,1,1",
        "7,,A,tea,1,1",
        "7,2020-01-01,A,tea,one,1",
        "7,2020-01-01,A,tea,1,1e999",
        "7,2999-01-01,A,tea,1,1",
        "7,2020-01-01,A,tea,1",
        "7,1969-01-01,A,tea,1,1",
        "7,2020-01-01,A,tea,,",
    )
    events, report, rejected = run(path)
    kept = [json.loads(line) for line in rejected.path("shop.csv").read_text().splitlines()]
    assert {row["line"]: row["reason"] for row in kept} == {
        8: "expected 6 fields",
        2: "no customer",
        3: "time not understood",
        4: "no time",
        5: "quantity is not a number",
        6: "price is not a number",
        7: "time in the future",
        9: "time before 1970",
    }
    assert kept[1]["raw"] == {
        "who": None,
        "when": "2020-01-01",
        "order": "A",
        "item": "tea",
        "n": "1",
        "price": "1",
    }
    assert len(events) == 1
    assert (report.lines, report.rejected.total(), rejected.count) == (9, 8, 8)


def test_strict_stops_at_the_first_bad_line_and_names_it(tmp_path: Path) -> None:
    path = shop(tmp_path, "7,2020-01-01,A,tea,1,1", "7,soon,A,tea,1,1", "7,2020-01-01,A,tea")
    with pytest.raises(InputError, match=r"shop.csv, line 3: time not understood"):
        run(path, strict=True)


def test_a_log_without_one_usable_line_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none of 2 lines can be used; 2 times: time not understood, as in line 2: \{"
    ):
        run(shop(tmp_path, "7,01/02/2020,A,tea,1,1", "7,13/02/2020,A,tea,1,1"))


def test_numbers_that_no_event_may_have_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = shop(
        tmp_path,
        "7,2020-01-01,A,tea,1,1",
        "8,2020-01-02,B,tea,1,1e13",
        "8,2020-01-03,C,tea,2,9e11",
        "9,2020-01-04,D,tea,1e300,1e300",
    )
    events, report, _ = run(path)
    assert [event.customer for event in events] == ["7"]
    assert report.rejected == {"money or quantity beyond 1e+12": 3}


def test_ids_stay_text_and_lose_the_decimals_that_gaps_gave_them(tmp_path: Path) -> None:
    assert run(shop(tmp_path, "00001,2020-01-01,A,tea,1,1"))[0][0].customer == "00001"
    assert (
        run(shop(tmp_path, "17850.0,2020-01-01,A,tea,1,1", ",2020-01-01,A,tea,1,1"))[0][0].customer == "17850"
    )
    path = tmp_path / "shop.parquet"
    pl.DataFrame({"who": [17850.0, None, float("nan")], "when": ["2020-01-01"] * 3}).write_parquet(path)
    events, report, _ = run(path, "customer=who,time=when")
    assert [event.customer for event in events] == ["17850"]
    assert report.rejected == {"no customer": 2}


def test_views_and_carts_are_events_of_their_own(tmp_path: Path) -> None:
    lines = [
        "7,2020-01-01,view,tea",
        "7,2020-01-01,view,tea",
        "7,2020-01-01,add_to_cart,tea",
        "7,2020-01-01,sneeze,x",
    ]
    path = shop(tmp_path, *lines, "7,2020-01-01,purchase,tea", header="who,when,what,item")
    events, report, _ = run(path, "customer=who,time=when,event=what,product=item")
    assert report.events == {"Product Viewed": 2, "Product Added": 1, "Order Completed": 1}
    assert report.rejected == {"unknown event": 1}
    assert len({event.id for event in events}) == 4
    assert events[0].properties.product_id == "tea"
    assert events[0].properties.products == ()


def test_views_of_one_session_have_ids_of_their_own(tmp_path: Path) -> None:
    path = shop(
        tmp_path, "7,2020-01-01,view,tea,s1", "7,2020-01-01,view,milk,s1", header="who,when,what,item,session"
    )
    events, _, _ = run(path, "customer=who,time=when,event=what,product=item,order=session")
    assert len({event.id for event in events}) == 2


def test_a_table_without_a_mapping_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--map customer=ID,time=DATE; the columns are: who, when, order"):
        run(shop(tmp_path, "7,2020-01-01,A,tea,1,1"), None)


@pytest.mark.parametrize("name", ["absent.csv", "absent.jsonl", "absent.parquet"])
def test_a_file_that_does_not_exist_is_one_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: no such file"):
        run(tmp_path / name, None)


def test_a_column_of_a_type_without_meaning_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    pl.DataFrame({"who": [[1], [2]], "when": [[0], [1]]}).write_parquet(path)
    with pytest.raises(InputError):
        run(path, "customer=who,time=when")


def money(value: int) -> float:
    return value / 100


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(-9_999, 9_999).map(money)), min_size=1
    )
)
def test_orders_less_refunds_are_the_money_of_the_log(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int, float]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "shop.parquet"
    who, order, value = (list(column) for column in zip(*lines, strict=True))
    pl.DataFrame({"who": who, "order": order, "value": value, "when": [0] * len(lines)}).write_parquet(path)
    events, _, _ = run(path, "customer=who,time=when,order=order,value=value")
    sign = {"Order Completed": 1, "Order Refunded": -1}
    net = sum(sign[event.name] * (event.properties.revenue or 0.0) for event in events)
    assert net == pytest.approx(sum(value), abs=1e-6)
    assert all((event.properties.revenue or 0.0) >= 0 for event in events)
    assert len({event.id for event in events}) == len(events)
