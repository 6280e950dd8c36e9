"""Serve the API."""

from collections.abc import Callable

from ebbtide.jobs.event_log import open_log
from ebbtide.jobs.triggers import rules_of
from ebbtide.settings import Settings


def serve(settings: Settings, redis_url: str, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the address once the API answers."""
    from models.actions import actions
    from serving import server
    from serving.app import create_app

    api_key = settings.api_key.get_secret_value() if settings.api_key else None
    redis = server.connect(redis_url)
    app = create_app(
        redis=redis,
        log=open_log(settings, redis),
        write_key=settings.sender_key(),
        catalogue=actions.load(settings.actions or actions.SHIPPED),
        rejected=settings.rejected,
        rules=rules_of(settings),
        api_key=api_key,
    )
    server.run(app, host=host, port=port, api_key=api_key, on_ready=ready)
