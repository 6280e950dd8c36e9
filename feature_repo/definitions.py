"""What Feast is told: one entity, one view of states, one on-demand view of all signals, a service per model.

All of it is built from `features.catalog`. Only the state is stored; the signals are computed from the state
and the moment asked about, by the same function online and in training.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, RequestSource, ValueType
from feast.data_format import ParquetFormat
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Bytes, Float64

from features.catalog import NAMES, VERSION
from features.store import layout

HOME = Path(os.environ.get("EBBTIDE_HOME") or Path(__file__).parents[1] / ".ebbtide").absolute()
_TAGS = {"catalog": VERSION}

history = FileSource(
    name="customer_state_history",
    path=str(HOME / "history"),
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
    description="States at past moments, made from the event archive.",
)
customer = Entity(name="customer", join_keys=[layout.ENTITY_KEY], value_type=ValueType.STRING)
customer_state = FeatureView(
    name=layout.VIEW,
    entities=[customer],
    ttl=timedelta(0),
    schema=[Field(name=layout.FEATURE, dtype=Bytes)],
    source=PushSource(name="customer_state_push", batch_source=history),
    tags=_TAGS,
    description="All that is kept of one customer, packed; written by the stream.",
)
moment = RequestSource(name="moment", schema=[Field(name="now", dtype=Float64)])


@on_demand_feature_view(  # type: ignore[untyped-decorator]
    sources=[customer_state, moment],
    schema=[Field(name=name, dtype=Float64) for name in NAMES],
    mode="python",
    tags=_TAGS,
    description="Every signal at the moment `now` (Unix seconds, UTC).",
)
def customer_signals(inputs: dict[str, list[Any]]) -> dict[str, list[float]]:
    """All signals, by name, of each row."""
    # Feast keeps the source of this function alone, and runs that: what it needs, it imports itself.
    from features.store.feast import signal_columns

    return signal_columns(inputs["state"], inputs["now"])


churn = FeatureService(
    name="churn", features=[customer_signals], tags=_TAGS, description="What the churn model is trained on."
)

ALL = [customer, history, customer_state, moment, customer_signals, churn]
"""What `ebbtide apply` applies; `feast apply` finds the same objects by itself."""
