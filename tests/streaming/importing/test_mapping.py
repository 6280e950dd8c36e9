from pathlib import Path

import pytest

from ebbtide.errors import InputError
from streaming.importing.mapping import ROLES, parse_mapping


def test_a_mapping_names_the_column_of_each_role() -> None:
    mapping = parse_mapping("customer=CustomerID, time=Invoice Date,price=Unit=Price")
    assert mapping.columns == {"customer": "CustomerID", "time": "Invoice Date", "price": "Unit=Price"}
    assert "price" in mapping
    assert "order" not in mapping


def test_an_unknown_role_gets_the_list_of_roles() -> None:
    with pytest.raises(InputError, match="no role 'cutomer'") as raised:
        parse_mapping("cutomer=CustomerID,time=Date")
    assert all(role in str(raised.value) for role in ROLES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("customer=ID", "expected a column for 'time'"),
        ("", "expected a column for 'customer'"),
        ("customer=ID,time", "expected role=column, found 'time'"),
        ("customer=ID,time=", "expected role=column, found 'time='"),
        ("customer=ID,customer=Other,time=T", "given twice"),
    ],
)
def test_a_mapping_that_cannot_be_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_mapping(text)


def test_a_column_that_is_not_there_gets_the_list_of_those_that_are() -> None:
    with pytest.raises(InputError, match=r"shop.csv: no column Kunde, Wann; the columns are: id, date$"):
        parse_mapping("customer=Kunde,time=Wann").check("shop.csv", ["id", "date"])


def test_a_table_whose_first_line_is_data_is_told_to_name_its_columns() -> None:
    with pytest.raises(InputError, match=r"the columns are: 1, 2, 1082040961 \(.* put such a line in front"):
        parse_mapping("customer=who,time=when").check("sent.txt", ["1", "2", "1082040961"])


def test_the_documentation_has_every_role_with_its_meaning() -> None:
    text = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    for role, meaning in ROLES.items():
        assert f"| `{role}` | {meaning} |" in text
