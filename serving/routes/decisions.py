"""Decisions: what next for a customer, for one or for many; and the receipt of each."""

import asyncio
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, HTTPException, Path, Query, Response
from pydantic import ValidationError
from starlette.types import ASGIApp, Scope

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Decision, Receipt
from ebbtide.errors import InputError, StoreError
from ebbtide.logs.decisions import KEPT_DAYS
from ebbtide.logs.receipts import Written
from serving import questions
from serving.answer import LIFETIME
from serving.direct import Headers, Json
from serving.draft import Question
from serving.problems import documented, explained, invalid
from serving.schemas_decisions import (
    BatchRequest,
    BatchResponse,
    CustomerId,
    DecisionPointName,
    DecisionRequest,
    DecisionResponse,
    FlatResponse,
)
from serving.security import bearer, check_bearer
from serving.services import Given, Services

router = APIRouter(prefix="/v1", tags=["decisions"])
encode = msgspec.json.Encoder().encode
_UNKEPT = "no-store"


PATH = "/v1/decisions"


async def answer_direct(scope: Scope, headers: Headers, body: bytes) -> ASGIApp:
    """Answer `decide`, for `serving.direct`."""
    services: Services = scope["app"].state.services
    authorization, key = headers.get(b"authorization"), headers.get(b"idempotency-key")
    check_bearer(bearer(_text(authorization)), services.api_key)
    question = questions.read(body)
    answer = await _decided(services, question, _text(key))
    return Json(answer.decision, _kept_for(services, question, answer))


@router.post(
    "/decisions",
    summary="Decide for one customer",
    response_model=DecisionResponse,
    responses=documented(400, 401, 413, 415, 422, 503),
)
async def decide(
    request: DecisionRequest,
    services: Given,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="With the same key, customer and decision point, the decision stays the same.",
        ),
    ] = None,
) -> Response:
    """Decide what next for one customer: stage, churn, triggers, actions and products.

    A customer of whom nothing is known gets an answer for newcomers. Every decision is kept in the decision
    log before it is given, unless it is a test.
    """
    question = questions.asked(request)
    answer = await _decided(services, question, key)
    return _answer(msgspec.Raw(answer.decision), _kept_for(services, question, answer))


async def _decided(services: Services, question: Question, key: str | None) -> Written:
    if key is None or question.test:
        return await services.desk.ask(question)
    return await services.desk.ask_once(question, [_id("key", key, question)])


@router.get(
    "/decisions",
    summary="Decide for one customer, in brief",
    response_model=FlatResponse,
    responses=documented(401, 422, 503),
)
async def decide_flat(
    services: Given,
    customer_id: Annotated[
        CustomerId, Query(alias="customerId", description="As in `userId` of the events.")
    ],
    decision_point: Annotated[
        DecisionPointName, Query(alias="decisionPoint", description="Where the answer will be used.")
    ] = "default",
) -> Response:
    """Decide for one customer, in brief: for templates of messages that can only fetch and insert.

    Asked again before `expiresAt`, the answer stays the same.
    """
    now = services.clock()
    question, slot = Question(customer_id, decision_point), int(now // LIFETIME)
    ids = [_id("slot", str(each), question) for each in (slot, slot - 1)]
    receipt, _ = await services.desk.ask_once(question, ids, since=now - LIFETIME)
    return _answer(_flat(receipt), _cached(receipt.at + LIFETIME - now))


@router.post(
    "/decisions/batch",
    summary="Decide for many customers",
    response_model=BatchResponse,
    responses=documented(400, 401, 413, 415, 422, 503),
)
async def decide_many(request: BatchRequest, services: Given) -> Response:
    """Decide for up to 1,000 customers: each question gets its decision, or a problem of its own."""

    async def one(given: Any) -> dict[str, Any]:
        try:
            asked = DecisionRequest.model_validate(given)
            return {"decision": msgspec.Raw((await services.desk.ask(questions.asked(asked))).decision)}
        except ValidationError as error:
            return {"problem": invalid(error.errors())}
        except (InputError, StoreError) as error:
            return {"problem": explained(error)}

    answers = await asyncio.gather(*map(one, request.requests))
    return _answer({"answers": answers})


@router.get(
    "/decisions/{decision_id}", summary="Show a decision's receipt", responses=documented(401, 404, 503)
)
async def receipt(
    services: Given, decision_id: Annotated[str, Path(max_length=100, description="As the decision gave it.")]
) -> Response:
    """Show a decision's receipt.

    It has the question, every candidate with the rule that excluded it, the probability used and that of
    being chosen, the signals with their age, and the versions of model, policy and catalog.
    """
    found = services.decisions.get(decision_id)
    if found is None:
        raise HTTPException(
            404, f"expected the id of a decision of the last {KEPT_DAYS} days, found {decision_id!r}"
        )
    return _answer(found)


def _id(kind: str, key: str, question: Question) -> str:
    """The same id for the same key, customer and decision point."""
    named = "\x1f".join((kind, key, question.customer_id, question.decision_point))
    return sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _answer(body: object, cache_control: str = _UNKEPT) -> Response:
    return Response(encode(body), headers={"Cache-Control": cache_control}, media_type="application/json")


def _kept_for(services: Services, question: Question, answer: Written) -> str:
    return _UNKEPT if question.test else _cached(answer.receipt.at + LIFETIME - services.clock())


def _cached(seconds: float) -> str:
    """How long the one who asked may keep the answer."""
    return f"private, max-age={max(int(seconds), 0)}"


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


def _flat(receipt: Receipt) -> dict[str, Any]:
    decision: Decision = receipt.decision
    action, churn = decision.actions[0], decision.churn
    product = decision.recommendations[0] if decision.recommendations else None
    return {
        "decisionId": decision.decision_id,
        "customerId": decision.customer_id,
        "stage": decision.stage,
        "expiresAt": decision.expires_at,
        "churn": None if churn is None else churn.main,
        "churnDays": None if churn is None else churn.horizon,
        "trigger": decision.triggers[0].id if decision.triggers else "",
        "action": action.id,
        "channel": action.channel,
        "message": "" if action.id == NOTHING.id else action.message,
        "sendAt": action.send_at,
        "productId": "" if product is None else product.product_id,
        "productName": "" if product is None else product.name,
        "productReason": "" if product is None else product.reason,
    }
