"""A route that is documented like any other, and called without FastAPI's resolving of dependencies.

To resolve them takes FastAPI as long as the decision itself; here the handler reads what it needs.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

Handler = Callable[[Request], Awaitable[Response]]
Model = TypeVar("Model", bound=BaseModel)


def direct(handler: Handler) -> type[APIRoute]:
    """A class of routes that call `handler`; what they are declared with is for the documentation alone.

    Dependencies are not looked at either, so the handler has to see who is asking.
    """

    class Direct(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            async def call(request: Request) -> Response:
                return await handler(request)

            return call

    return Direct


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
