"""Every value of the catalog a second time: plain, slow, straight from a customer's list of events.

Each function takes the events of one customer, oldest first, and a moment `now` (Unix seconds, UTC) at or
after the last of them, and gives values by name. They share nothing with `features`: read them beside
`docs/features.md`.
"""
