"""The demo: the whole of Ebbtide on a year of real grocery baskets, as it would run in production."""
