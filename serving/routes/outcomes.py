"""Outcomes: what came of a decision, into the event log."""

from functools import partial

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from ebbtide.domain.event import unix_seconds
from ebbtide.domain.ingest import iso
from ebbtide.domain.outcome import outcome_call
from ebbtide.errors import InputError
from ebbtide.logs.decisions import KEPT_DAYS
from serving.problems import documented
from serving.schemas_decisions import OutcomeRequest, OutcomeResponse
from serving.services import Given

router = APIRouter(prefix="/v1", tags=["decisions"])


@router.post(
    "/outcomes", summary="Take what came of a decision", responses=documented(400, 401, 413, 415, 422, 503)
)
async def outcome(request: OutcomeRequest, services: Given) -> OutcomeResponse:
    """Take what came of a decision; it is in the event log when the answer comes.

    The same outcome again changes nothing. With `failed`, the contact no longer counts against any cap.
    """
    found = services.decisions.get(request.decision_id)
    if found is None:
        raise InputError(
            f"`decisionId`: expected the id of a decision of the last {KEPT_DAYS} days that was no test, "
            f"found {request.decision_id!r}"
        )
    call = outcome_call(
        decision_id=request.decision_id,
        customer=found.decision.customer_id,
        action=found.chosen,
        type_=request.type,
        value=request.value,
        timestamp=None if request.timestamp is None else iso(unix_seconds(request.timestamp)),
    )
    take = partial(services.intake.take, [call], received_at=services.clock())
    taken = await run_in_threadpool(take) if services.intake.waits else take()
    if taken.refused:
        raise InputError(taken.refused[0].reason)
    released = request.type == "failed" and services.contacts.release(found.customer, request.decision_id)
    return OutcomeResponse(success=True, duplicate=bool(taken.duplicates), released=released)
