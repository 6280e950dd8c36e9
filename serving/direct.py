"""A route that is called without FastAPI's machinery, which would cost a good part of a decision.

FastAPI documents it by a route of its own with the same path, which is never called.
"""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]
Model = TypeVar("Model", bound=BaseModel)


def direct(path: str, handler: Handler) -> Route:
    """A route for POST that hands the request to `handler`; it has to stand before FastAPI's own.

    Dependencies are not looked at, so the handler has to see who is asking.
    """

    async def call(request: Request) -> Response:
        request.scope["route"] = route  # as FastAPI does, for the metrics
        return await handler(request)

    route = Route(path, call, methods=["POST"], include_in_schema=False)
    return route


async def read_body(request: Request, model: type[Model]) -> Model:
    """The body as a model, as FastAPI would read it.

    Raises:
        HTTPException: 400, it is not JSON.
        RequestValidationError: it is another thing than a `model`.
    """
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "body: expected JSON, found something else") from error
    try:
        return model.model_validate(found)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error
