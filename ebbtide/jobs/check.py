"""Look at every part, and say of each that it is well or what to do."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from ebbtide.clock import Clock, system_clock
from ebbtide.errors import EbbtideError, FaultsError
from ebbtide.logs.archive import parts
from ebbtide.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One part: whether it is well, and what was found or what to do."""

    part: str
    ok: bool
    text: str


def check(settings: Settings, client: Redis, clock: Clock = system_clock) -> list[Finding]:
    """Check settings, actions, triggers, Redis, features, items, Feast's registry and the model."""
    parts: dict[str, Callable[[], str]] = {
        "settings": lambda: _settings(settings),
        "actions": lambda: _actions(settings),
        "triggers": lambda: _triggers(settings),
        "redis": lambda: _redis(client),
        "features": lambda: _features(settings, client),
        "items": lambda: _items(client, clock()),
        "feast": lambda: _feast(settings),
        "model": lambda: _model(client),
    }
    return [_finding(part, look) for part, look in parts.items()]


def _finding(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, look())
    except FaultsError as error:
        return Finding(part, False, "\n".join(error.lines))
    except EbbtideError as error:
        return Finding(part, False, str(error))


def _settings(settings: Settings) -> str:
    if not os.access(settings.root, os.W_OK):
        raise EbbtideError(f"{settings.root} cannot be written; set EBBTIDE_HOME to a folder that can")
    return f"working folder {settings.root}"


def _actions(settings: Settings) -> str:
    from models.actions import actions

    path = settings.actions or actions.SHIPPED
    found = actions.load(path)
    holds = (
        f"{len(found.actions) - 1} actions beside doing nothing",
        f"{len(found.conditions)} with conditions",
        f"{len(found.contact.caps)} caps",
        f"hold-out {found.holdout:.1%}",
        f"version {found.version}",
    )
    return f"{', '.join(holds)}, from {path}"


def _triggers(settings: Settings) -> str:
    from models.triggers import trigger_file

    path = settings.triggers or trigger_file.SHIPPED
    found = trigger_file.load(path)
    return f"{len(found.rules)} triggers, version {found.version}, from {path}"


def _redis(client: Redis) -> str:
    info = client.info()
    return f"{info['redis_version']}, {info['used_memory_human']} used"  # type: ignore[index]


def _features(settings: Settings, client: Redis) -> str:
    from features.catalog import NAMES, VERSION
    from features.store.online import OnlineStore

    store = OnlineStore(client)
    sample: list[str] = next(store.customers(), [])
    if not sample:
        raise EbbtideError(
            "no customers yet: run `ebbtide import FILE`, or send events and run `ebbtide stream`"
        )
    store.read_many(sample)  # raises where a state does not fit the catalog
    count = sum(map(len, store.customers()))
    files = len(parts(settings.events))
    return f"{count} customers, catalog {VERSION} with {len(NAMES)} signals, {files} files of events"


def _items(client: Redis, now: float) -> str:
    from ebbtide.jobs.items import report

    found = report(client, now)
    if not found.described:
        return "none described, so orders say what products are called: see `ebbtide items FILE`"
    missing = (
        f"; not described, such as {', '.join(found.examples[:3])}: {found.unknown}" if found.unknown else ""
    )
    return f"{found.described} described, {found.sold_out} sold out{missing}"


def _feast(settings: Settings) -> str:
    registry = settings.root / "feast.db"
    if not registry.exists():
        raise EbbtideError("nothing applied yet: run `ebbtide apply` (`ebbtide train` does it too)")
    return f"registry {registry}"


def _model(client: Redis) -> str:
    from models.churn import scorer

    champion = scorer.load(client)
    if champion is None:
        raise EbbtideError("no champion yet: run `ebbtide train`; until then decisions come without churn")
    return f"ebbtide-churn@champion {champion.version}, horizon {champion.horizon} days"
