"""One signal per file, pure: its state, `update`, `value`, `merge`, names and units.

Each module has

- `EVENTS`: the event names that it listens to (None: all);
- `VALUES`: the name of each value with its unit and meaning, in the order that `value` returns them;
- `State`: what is kept per customer, a msgspec struct whose default is "nothing seen";
- `update(state, event)`: changes the state in place; the order of events does not matter (within a day);
- `value(state, now)`: the values at `now` (Unix seconds, UTC); NaN where nothing is known. Those of the
  default state are the same at any moment;
- `merge(state, other)`: the state takes up the other's history, as if all events had come to it; the other
  stays as it is.
"""
