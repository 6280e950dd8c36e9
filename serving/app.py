"""The API as an ASGI application, wired in one place from the values that it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from redis import Redis

from ebbtide import __version__
from ebbtide.clock import Clock, system_clock
from ebbtide.domain.ingest import MAX_BATCH_BYTES
from ebbtide.logs.alerts import AlertLog
from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.documents import Documents
from ebbtide.logs.events import EventLog
from ebbtide.logs.items import ItemCatalogue
from ebbtide.logs.ledger import Ledger
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.triggers import TriggerLog
from models.actions.actions import ActionCatalogue
from models.actions.kept import Keeper
from models.actions.response_watcher import ResponseWatcher
from models.churn.scorer import ModelWatcher
from models.recommendations.recommendations import Recommender
from models.triggers import trigger_file
from models.triggers.triggers import Rules
from serving import problems
from serving.body import BoundedBody
from serving.decide import Decider
from serving.desk import Desk
from serving.intake import Intake
from serving.known import Knowledge
from serving.metrics import Metrics, Timing
from serving.routes import alerts, decisions, health, ingest, items, outcomes, triggers
from serving.security import askers, writers
from serving.services import Services, Warmth

_DESCRIPTION = """
Events go in, a decision comes out: which stage a customer is in, how likely they leave and why, what to do
next, and what to show them.

All errors are `application/problem+json` (RFC 9457).
"""


def create_app(
    *,
    redis: Redis,
    log: EventLog,
    write_key: str,
    catalogue: ActionCatalogue,
    rejected: Path,
    rules: Rules | None = None,
    api_key: str | None = None,
    clock: Clock = system_clock,
) -> FastAPI:
    """Make the API.

    Args:
        redis: a client that does not decode responses, with socket timeouts (see `serving.server.connect`).
        log: where events go.
        write_key: what senders of events give as user name.
        catalogue: the actions to choose from.
        rejected: the folder in which refused events and items are kept.
        rules: of triggers; unset, those that ship.
        api_key: if given, decisions, alerts, triggers and items need it as a bearer token.
        clock: gives the present as Unix seconds, UTC.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = _services(
            redis=redis,
            log=log,
            policy=catalogue,
            rules=rules or trigger_file.load(),
            rejected=rejected,
            clock=clock,
            metrics=metrics,
            api_key=api_key,
        )
        services.warmth.missing(clock())  # were something missing, /readyz says so and tries again
        app.state.services = services
        yield

    app = FastAPIOffline(
        redoc_url=None,
        title="Ebbtide",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        telemetry={"metrics": False, "logs": False},  # asked of the environment at each request
    )
    problems.install(app)
    app.include_router(ingest.router, dependencies=[Depends(writers(write_key))])
    app.include_router(decisions.router, dependencies=[Depends(askers(api_key))])
    app.include_router(outcomes.router, dependencies=[Depends(askers(api_key))])
    app.include_router(alerts.router, dependencies=[Depends(askers(api_key))])
    app.include_router(triggers.router, dependencies=[Depends(askers(api_key))])
    app.include_router(items.router, dependencies=[Depends(askers(api_key))])
    app.include_router(health.router)
    app.add_middleware(BoundedBody, limit=MAX_BATCH_BYTES)
    app.add_middleware(Timing, metrics=metrics)
    return app


def _services(
    *,
    redis: Redis,
    log: EventLog,
    policy: ActionCatalogue,
    rules: Rules,
    rejected: Path,
    clock: Clock,
    metrics: Metrics,
    api_key: str | None,
) -> Services:
    contacts, decisions = Contacts(redis), DecisionLog(redis)
    decider = Decider(
        knowledge=Knowledge(redis),
        models=ModelWatcher(redis),
        responses=ResponseWatcher(redis),
        recommender=Recommender(redis),
        contacts=contacts,
        ledger=Ledger(contacts, decisions, policy.contact.caps),
        keeper=Keeper(Documents(redis)),
        policy=policy,
        rules=rules,
    )
    kept_aside = RejectedLog(rejected)
    return Services(
        clock=clock,
        intake=Intake(log, kept_aside, metrics),
        decider=decider,
        desk=Desk(decider, decisions, metrics, clock),
        decisions=decisions,
        contacts=contacts,
        alerts=AlertLog(redis),
        triggers=TriggerLog(redis),
        items=ItemCatalogue(redis),
        rejected=kept_aside,
        warmth=Warmth(redis, decider),
        metrics=metrics,
        api_key=api_key,
    )
