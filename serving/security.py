"""Who may send events, and who may ask for decisions. Keys are compared in constant time."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

_BASIC = HTTPBasic(
    auto_error=False,
    scheme_name="writeKey",
    description="The write key as user name, the password empty.",
)
_BEARER = HTTPBearer(auto_error=False, scheme_name="apiKey", description="The API key, if one is set.")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _found(given: object) -> str:
    return "none" if given is None else "another"


def writers(write_key: str) -> Callable[..., Awaitable[None]]:
    """Return a dependency that lets the holders of the write key pass, and answers others 401."""

    async def check(credentials: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)]) -> None:
        if credentials is None or not _same(credentials.username, write_key):
            raise HTTPException(
                401,
                "expected Basic authentication with the write key as user name, and an empty password, "
                f"found {_found(credentials)}; "
                "the key is `EBBTIDE_WRITE_KEY`, else in the file `write_key` of the working folder",
                headers={"WWW-Authenticate": 'Basic realm="ebbtide"'},
            )

    return check


def askers(api_key: str | None) -> Callable[..., Awaitable[None]]:
    """Return a dependency that lets the holders of the API key pass; all may, if there is no such key."""

    async def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
        check_bearer(None if credentials is None else credentials.credentials, api_key)

    return check


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header, if it is a bearer's; found as FastAPI's `HTTPBearer` finds it."""
    scheme, token = get_authorization_scheme_param(authorization)
    return token if token and scheme.lower() == "bearer" else None


def check_bearer(token: str | None, api_key: str | None) -> None:
    """Let the holders of the API key pass; all may, if there is no such key.

    Raises:
        HTTPException: 401.
    """
    if api_key is not None and (token is None or not _same(token, api_key)):
        raise HTTPException(
            401,
            f"expected `Authorization: Bearer` with the API key, found {_found(token)}; "
            "the key is `EBBTIDE_API_KEY`",
            headers={"WWW-Authenticate": 'Bearer realm="ebbtide"'},
        )
