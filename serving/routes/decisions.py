"""Decisions: what next for a customer."""

from uuid import uuid4

import msgspec
from fastapi import APIRouter, Response

from ebbtide.domain.event import unix_seconds
from serving.decide import Question
from serving.problems import documented
from serving.schemas import DecisionRequest, DecisionResponse
from serving.services import Given

router = APIRouter(prefix="/v1", tags=["decisions"])


# Async, though it calls a synchronous client: a round trip to Redis takes less time than a change of threads.
@router.post(
    "/decisions", response_model=DecisionResponse, responses=documented(400, 401, 413, 415, 422, 503)
)
async def decide(request: DecisionRequest, services: Given) -> Response:
    """Decide what next for one customer: stage, churn, triggers, actions and products.

    A customer of whom nothing is known gets an answer for newcomers. Every decision is kept in the decision
    log before it is given, unless it is a test.
    """
    question = Question(
        customer_id=str(request.customer_id),
        decision_point=request.decision_point,
        limit=request.limit,
        context=request.context,
        as_of=None if request.as_of is None else unix_seconds(request.as_of),
        explain=request.explain,
    )
    receipt = services.decider.decide(question, now=services.clock(), decision_id=uuid4().hex)
    if not request.test:
        services.decisions.record(receipt)
        services.metrics.decisions.labels(receipt.decision.stage.value).inc()
    return Response(msgspec.json.encode(receipt.decision), media_type="application/json")
