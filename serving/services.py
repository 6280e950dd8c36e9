"""What the routes work with: made when the app starts, given to each route by type."""

import gc
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from redis import Redis
from redis.exceptions import RedisError

from ebbtide.clock import Clock
from ebbtide.errors import EbbtideError
from ebbtide.logs.alerts import AlertLog
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.items import ItemCatalogue
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.triggers import TriggerLog
from serving.decide import Decider
from serving.desk import Desk
from serving.intake import Intake
from serving.metrics import Metrics

_YOUNG = (20_000, 20, 100)
"""The collector's thresholds: a decision makes some thousand objects that need no collector to go."""


@dataclass
class Warmth:
    """Whether the API may answer: Redis does, and a dry run has scored with the model there is."""

    redis: Redis
    decider: Decider
    _warm: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def missing(self, now: float) -> Mapping[str, str]:
        """Return what keeps the API from answering, by part; empty when it may. Warms up on first success."""
        try:
            self.redis.ping()
        except RedisError as error:
            return {"redis": f"expected an answer, found none ({type(error).__name__})"}
        with self._lock:
            return {} if self._warm else self._warm_up(now)

    def _warm_up(self, now: float) -> Mapping[str, str]:
        try:
            self.decider.warm_up(now)
        except (RedisError, EbbtideError) as error:
            return {"model": str(error)}
        collect_seldom()
        self._warm = True
        return {}


def collect_seldom() -> None:
    """Keep Python's collector from requests: what is loaded now stays, and it need not walk that again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG)


@dataclass(frozen=True)
class Services:
    """The parts of a running API."""

    clock: Clock
    intake: Intake
    decider: Decider
    desk: Desk
    decisions: DecisionLog
    contacts: Contacts
    alerts: AlertLog
    triggers: TriggerLog
    items: ItemCatalogue
    rejected: RejectedLog
    warmth: Warmth
    metrics: Metrics
    api_key: str | None


async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Given = Annotated[Services, Depends(_services)]
"""A route's parameter of this type receives the services."""
