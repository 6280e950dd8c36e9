"""Readable names for the grocery products of The Complete Journey, whose table has shouted abbreviations."""

import re
from functools import lru_cache

_WORDS = {
    "frzn": "Frozen",
    "refrig": "Refrigerated",
    "sft": "Soft",
    "drnk": "Drink",
    "drnks": "Drinks",
    "drnking": "Drinking",
    "drnkng": "Drinking",
    "flvrd": "Flavored",
    "mlt-pk": "Multi-Pack",
    "pk": "Pack",
    "sngl": "Single",
    "sgl": "Single",
    "srv": "Serve",
    "ss": "Single Serve",
    "btl": "Bottle",
    "carb": "Carbonated",
    "crbntd": "Carbonated",
    "dnrs": "Dinners",
    "reg": "Regular",
    "sup": "Super",
    "prem": "Premium",
    "prep": "Prepared",
    "fd": "Food",
    "sw": "Sweet",
    "gds": "Goods",
    "veg": "Vegetable",
    "pkld": "Pickled",
    "pickld": "Pickled",
    "chix": "Chicken",
    "chick": "Chicken",
    "choc": "Chocolate",
    "saus": "Sausage",
    "jce": "Juice",
    "cnd": "Canned",
    "catfd": "Cat Food",
    "dogfd": "Dog Food",
    "grnd": "Ground",
    "sal": "Salad",
    "bev": "Beverage",
    "rts": "Ready-to-Serve",
    "rtd": "Ready-to-Drink",
    "fem": "Feminine",
    "hygn": "Hygiene",
    "misc": "Miscellaneous",
    "beerale": "Beer & Ale",
    "beeralemalt": "Beer, Ale & Malt",
    "bbq": "BBQ",
    "iqf": "IQF",
    "nz": "NZ",
    "tv": "TV",
    "and": "and",
    "of": "of",
    "on": "on",
    "the": "the",
    "with": "with",
}


@lru_cache(maxsize=10_000)
def readable(text: str) -> str:
    """Write a type or category of the table so that people can read it.

    Types are cut after 30 characters there: a parenthesis that never closes is left out.

    >>> readable("FRZN BAGGED VEGETABLES - PLAIN"), readable("CANDY BARS (SINGLES)(INCLUDING")
    ('Frozen Bagged Vegetables - Plain', 'Candy Bars (Singles)')
    >>> readable("BREAD:ITALIAN/FRENCH")
    'Bread: Italian/French'
    """
    closed = re.sub(r"\s*\([^)]*$", "", text)
    spaced = re.sub(r":\s*", ": ", re.sub(r"\s*&\s*", " & ", closed))
    undotted = re.sub(r"(?<=[a-z])\.\s*", " ", spaced.lower())
    words = re.sub(r"mlt-pk|[a-z']+", lambda word: _word(word.group()), undotted)
    return re.sub(r"\s+", " ", words).strip(" -/&:")


def _word(word: str) -> str:
    return _WORDS.get(word, word.capitalize())


def product_name(kind: str | None, category: str | None, size: str | None) -> str | None:
    """Name a product by its type and package; a type of one word says too little without its category.

    >>> product_name("PREMIUM", "FROZEN PIZZA", "12 OZ"), product_name("BANANAS", "TROPICAL FRUIT", "40 LB")
    ('Frozen Pizza: Premium, 12 OZ', 'Tropical Fruit: Bananas, 40 LB')
    >>> product_name("YOGURT", "YOGURT", None), product_name(None, None, None)
    ('Yogurt', None)
    """
    name, group = (readable(text) if text else "" for text in (kind, category))
    if not name or (" " not in name and name.lower() not in group.lower() and group):
        name = f"{group}: {name}" if name and group else name or group
    if not name:
        return None
    return f"{name}, {size}" if size else name
