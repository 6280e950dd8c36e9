"""The parameters of a query: only those that a route has, for a misspelt filter would let all through."""

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from ebbtide.errors import InputError


async def _known(request: Request) -> None:
    route: APIRoute = request.scope["route"]
    known = [each.alias for each in route.dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise InputError(f"`{name}`: expected a parameter of {', '.join(known)}; found another name")


ONLY_KNOWN = Depends(_known)
"""A dependency of routes that take parameters."""
