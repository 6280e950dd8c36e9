"""One signal per file, pure: its state, `update(state, event)`, `value(state, now)`, names and units.

Each module has

- `EVENTS`: the event names that it listens to (None: all);
- `VALUES`: the name of each value with its unit and meaning, in the order that `value` returns them;
- `State`: what is kept per customer, a msgspec struct whose default is "nothing seen";
- `update(state, event)`: changes the state in place;
- `value(state, now)`: the values at `now` (Unix seconds, UTC); NaN where nothing is known.
"""
