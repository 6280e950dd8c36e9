"""The response model in force: put into Redis in one atomic write, and exchanged while the API runs."""

import redis

from models.actions.responses import ResponseModel, Responses, check_catalog, decode, encode
from models.registry import published
from models.registry.published import Watcher

KEY = "ebbtide:model:responses"
"""Of the response model in force."""


def publish(client: redis.Redis, model: ResponseModel, name: str) -> str:
    """Put a model in force; returns its version, which begins with `name`.

    Raises:
        StoreError: Redis cannot be written.
    """
    return published.publish(client, KEY, encode(model), name)


def load(client: redis.Redis) -> Responses | None:
    """Read the model in force; None if none was published.

    Raises:
        ModelError: it is damaged, or for other signals than the catalog's.
        StoreError: Redis does not answer.
    """
    found = published.read(client, KEY)
    if found is None:
        return None
    model = decode(found.raw)
    check_catalog(model)
    return Responses(model, found.version)


class ResponseWatcher(Watcher[Responses]):
    """Keeps the newest usable response model at hand; `interval` in seconds."""

    def __init__(self, client: redis.Redis, interval: float = 1.0) -> None:
        super().__init__(client, KEY, load, interval)
