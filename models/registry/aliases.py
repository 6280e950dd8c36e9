"""Which version held which alias when, by whom and why: kept beside the model in MLflow, which forgets it.

Each move of an alias is one tag of the registered model, as JSON, so that moves made at once cannot overwrite
each other, and a database that is backed up holds the history too.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "alias-move."
ELSEWHERE = "outside Ebbtide"
"""Who moved an alias that was found moved."""
LONGEST_WHY = 2_000
"""Characters of a reason that are kept: MLflow's tags hold 5,000 in all."""


class Move(msgspec.Struct, frozen=True):
    """An alias was pointed at a version. `at` in Unix seconds; `before` is the version that lost it."""

    at: float
    alias: str
    version: str
    before: str | None
    by: str
    why: str


def record(client: "MlflowClient", model: str, moved: Move) -> None:
    """Keep that an alias was moved."""
    kept = msgspec.structs.replace(moved, why=moved.why[:LONGEST_WHY])
    # By number, as clocks may go back; with time and version, as two may count the same number.
    number = len(moves(client, model))
    key = f"{TAG}{number:06d}.{round(moved.at * 1000)}.{moved.alias}.{moved.version}"
    client.set_registered_model_tag(model, key, msgspec.json.encode(kept).decode())


def notice(client: "MlflowClient", model: str, at: float) -> None:
    """Keep moves that nobody recorded, made on MLflow's own page say: found at `at` (Unix seconds)."""
    held = {moved.alias: moved.version for moved in moves(client, model)}
    for alias, version in sorted(client.get_registered_model(model).aliases.items()):
        before = held.get(alias)
        if str(version) != before:
            why = "found moved: when and why is not known"
            record(client, model, Move(at, alias, str(version), before, ELSEWHERE, why))


def moves(client: "MlflowClient", model: str) -> list[Move]:
    """Every move that was kept, in their order."""
    tags = client.get_registered_model(model).tags
    return [
        msgspec.json.decode(value, type=Move) for name, value in sorted(tags.items()) if name.startswith(TAG)
    ]


def before(history: Iterable[Move], alias: str) -> str | None:
    """Say which version to roll back to: the one that held the alias before the present one came to it.

    A version to which it was rolled back counts from when it first held the alias, so that rolling back twice
    goes back two versions, not forth again.
    """
    held: list[str] = []
    for moved in history:
        if moved.alias != alias:
            continue
        if not held and moved.before is not None:
            held.append(moved.before)
        if moved.version in held:
            del held[held.index(moved.version) :]
        held.append(moved.version)
    return held[-2] if len(held) > 1 else None
