"""A churn model small enough to foresee: the longer overdue, the likelier gone; even at twice the gap."""

import math

import msgspec
from redis import Redis

from features.catalog import NAMES, VERSION
from models.churn.artefact import Artefact, Churned, Horizon, Linear, Scale, digest, encode
from models.churn.curve import ChurnCurve
from models.registry.published import KEY, fields

STUMP = """Tree={index}
num_leaves=2
num_cat=0
split_feature={feature}
split_gain=1
threshold={threshold}
decision_type=10
left_child=-1
right_child=-2
leaf_value=-{leaf} {leaf}
leaf_weight=10 10
leaf_count=50 50
internal_value=0
internal_weight=0
internal_count=100
is_linear=0
shrinkage=1


"""


def trees(*splits: tuple[str, float], leaf: float) -> str:
    """Stumps in LightGBM's format: each adds `leaf` to the log-odds above its threshold, or takes it off."""
    found = [
        STUMP.format(index=place, feature=NAMES.index(name), threshold=threshold, leaf=leaf)
        for place, (name, threshold) in enumerate(splits)
    ]
    header = {
        "version": "v4",
        "num_class": 1,
        "num_tree_per_iteration": 1,
        "label_index": 0,
        "max_feature_idx": len(NAMES) - 1,
        "objective": "binary sigmoid:1",
        "feature_names": " ".join(NAMES),
        "feature_infos": " ".join("[0:1000]" for _ in NAMES),
        "tree_sizes": " ".join(str(len(tree)) for tree in found),
    }
    lines = "".join(f"{name}={value}\n" for name, value in header.items())
    return f"tree\n{lines}\n{''.join(found)}end of trees\n"


def artefact(
    *,
    active: int = 120,
    main: int = 60,
    slope: float = 6.0,
    churned: Churned = Churned.SILENCE,
    base_rate: float | None = None,
) -> Artefact:
    """Log-odds: slope * log((1 + overdue_ratio) / 3), a little less at 90 days, a little more at 30."""
    ratio = NAMES.index("overdue_ratio")
    weights = tuple(slope if place == ratio else 0.0 for place in range(len(NAMES)))
    centre = tuple(math.log(3.0) if place == ratio else 0.0 for place in range(len(NAMES)))
    none = (0.0,) * len(NAMES)
    silent = trees(("overdue_ratio", 1_000_000.0), leaf=0.0)
    horizons = tuple(
        Horizon(days, silent, Linear(weights, none, bias), 1.0, 1.0)
        for days, bias in ((30, 0.5), (main, 0.0), (90, -0.5))
    )
    scale = Scale(centre, (1.0,) * len(NAMES))
    found = Artefact(VERSION, NAMES, churned, active, main, scale, horizons, base_rate=base_rate)
    example = tuple(float(n % 5) for n in range(len(NAMES)))
    expected = tuple(ChurnCurve(found).predict_one(example))
    return msgspec.structs.replace(found, example=example, expected=expected)


def publish(client: Redis, version: str = "1", **changes: object) -> str:
    """Make it the champion."""
    raw = encode(artefact(**changes))
    client.hset(KEY, mapping=fields(version, raw, digest(raw)))
    return version
