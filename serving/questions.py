"""The body of a request as a question."""

import json
from typing import Annotated

import msgspec
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from msgspec import Meta
from pydantic import ValidationError

from ebbtide.domain.event import unix_seconds
from serving.draft import Question
from serving.schemas_decisions import MOST_SHOWN, DecisionRequest

_Name = Annotated[str, Meta(min_length=1, max_length=100)]


class _Plain(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What most questions are made of; `DecisionRequest` has the rest, and says what is wrong with any."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=512)]
    decision_point: _Name = "default"
    limit: Annotated[int, Meta(ge=1, le=MOST_SHOWN)] = 5
    test: bool = False
    explain: bool = False


_plain = msgspec.json.Decoder(_Plain).decode


def read(body: bytes) -> Question:
    """Read a question; a plain one in a tenth of the time that the model takes, with the same result.

    Raises:
        HTTPException: 400, it is not JSON.
        RequestValidationError: it is another thing than a `DecisionRequest`.
    """
    try:
        plain = _plain(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return asked(_read(body))
    return Question(
        customer_id=plain.customer_id,
        decision_point=plain.decision_point,
        limit=plain.limit,
        explain=plain.explain,
        test=plain.test,
    )


def asked(request: DecisionRequest) -> Question:
    """The question of a request."""
    return Question(
        customer_id=str(request.customer_id),
        decision_point=request.decision_point,
        limit=request.limit,
        context=request.context,
        as_of=None if request.as_of is None else unix_seconds(request.as_of),
        explain=request.explain,
        test=request.test,
    )


def _read(body: bytes) -> DecisionRequest:
    """The body as FastAPI would read it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "body: expected JSON, found something else") from error
    try:
        return DecisionRequest.model_validate(found)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error
