"""The stages of a customer's life with a company."""

from enum import StrEnum


class Stage(StrEnum):
    """Where a customer stands, by own rhythm and churn curve. The rules are in `features/lifecycle.py`."""

    NEW = "new"
    ACTIVE = "active"
    LOYAL = "loyal"
    SLIPPING = "slipping"
    DORMANT = "dormant"
    LOST = "lost"
    WON_BACK = "won_back"
