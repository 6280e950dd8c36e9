"""Decisions: what next for a customer, for one or for many; and the receipt of each."""

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Header, HTTPException, Path, Query, Response
from pydantic import ValidationError

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Decision, Receipt
from ebbtide.errors import InputError, StoreError
from ebbtide.logs.decisions import KEPT_DAYS
from ebbtide.logs.receipts import Written
from serving import questions
from serving.answer import LIFETIME
from serving.desk import under
from serving.direct import Direct, Headers, Reply
from serving.draft import Question
from serving.parameters import ONLY_KNOWN
from serving.problems import EXPECTED, documented, explained, invalid, told
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
PATH = "/v1/decisions"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="With the same key, customer and decision point, the decision stays the same.",
    ),
]
_UNKEPT = "no-store"
_log = logging.getLogger("uvicorn.error")


def direct(app: FastAPI) -> Direct:
    """What answers `decide` in front of the app, once it runs."""

    def answer(headers: Headers, body: bytes, give: Callable[[Reply], None]) -> None:
        _answer_direct(app.state.services, headers, body, give)

    def observe(status: int, seconds: float) -> None:
        app.state.services.metrics.request("POST", PATH, status).observe(seconds)

    return Direct(PATH, answer, observe)


def _answer_direct(services: Services, headers: Headers, body: bytes, give: Callable[[Reply], None]) -> None:
    def heard(answer: Written | Exception) -> None:
        if isinstance(answer, Exception):
            give(_failed(answer))
        else:
            give(_reply(answer.decision, _kept_for(services, question, answer)))

    try:
        check_bearer(bearer(_text(headers.get(b"authorization"))), services.api_key)
        question, found = questions.read(body), None
        key = _text(headers.get(b"idempotency-key"))
        if key is not None and not question.test:
            id_ = _id("key", key, question)
            question, found = under(id_, question), services.desk.given([id_])
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked must hear of it
        give(_failed(error))
        return
    if found is None:
        services.desk.put(question, heard)
    else:
        heard(found)


def _reply(body: bytes, cache_control: str) -> Reply:
    length = b"%d" % len(body)
    kept = (b"cache-control", cache_control.encode())
    return Reply(200, [kept, (b"content-length", length), (b"content-type", b"application/json")], body)


def _failed(error: Exception) -> Reply:
    if not isinstance(error, EXPECTED):
        _log.error("Exception in answering a decision", exc_info=error)
    response = told(error)
    return Reply(response.status_code, response.raw_headers, bytes(response.body))


@router.post(
    "/decisions",
    summary="Decide for one customer",
    response_model=DecisionResponse,
    responses=documented(400, 401, 413, 415, 422, 503),
)
async def decide(request: DecisionRequest, services: Given, key: Key = None) -> Response:
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
    dependencies=[ONLY_KNOWN],
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
async def decide_many(request: BatchRequest, services: Given, key: Key = None) -> Response:
    """Decide for up to 1,000 customers: each question gets its decision, or a problem of its own."""

    async def one(given: Any) -> dict[str, Any]:
        try:
            asked = DecisionRequest.model_validate(given)
            answer = await _decided(services, questions.asked(asked), key)
            return {"decision": msgspec.Raw(answer.decision)}
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
