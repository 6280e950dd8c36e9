"""The Feast repository; `feast apply` reads `definitions.py`, and so does `ebbtide apply`."""
