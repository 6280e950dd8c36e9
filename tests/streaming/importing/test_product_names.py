import pytest

from streaming.importing.product_names import product_name, readable


@pytest.mark.parametrize(
    ("shouted", "name"),
    [
        ("BREAD:ITALIAN/FRENCH", "Bread: Italian/French"),
        ("SFT DRNK MLT-PK BTL CARB (EXCP", "Soft Drink Multi-Pack Bottle Carbonated"),
        ("MENS' CARE", "Mens' Care"),
        ("SANDWICHES&HANDHELDS", "Sandwiches & Handhelds"),
        ("FEM. HYGN.NAPKINS", "Feminine Hygiene Napkins"),
        ("GRAVY CAN/GLASS", "Gravy Can/Glass"),
    ],
)
def test_abbreviations_are_written_out(shouted: str, name: str) -> None:
    assert readable(shouted) == name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("SHREDDED CHEESE", "CHEESE", "8 OZ"), "Shredded Cheese, 8 OZ"),
        (("TRADITIONAL", "FROZEN PIZZA", None), "Frozen Pizza: Traditional"),
        ((None, "CHEESE", "8 OZ"), "Cheese, 8 OZ"),
        (("TUNA", None, None), "Tuna"),
        ((None, None, "8 OZ"), None),
    ],
)
def test_a_name_has_what_it_is_and_how_much(
    parts: tuple[str | None, str | None, str | None], name: str | None
) -> None:
    assert product_name(*parts) == name
