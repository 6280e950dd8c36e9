"""Serve the API."""

from collections.abc import Callable

from ebbtide.settings import Settings


def serve(settings: Settings, redis_url: str, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the address once the API answers."""
    from models import actions
    from serving import server
    from serving.app import create_app

    api_key = settings.api_key.get_secret_value() if settings.api_key else None
    app = create_app(
        redis=server.connect(redis_url),
        write_key=settings.sender_key(),
        catalogue=actions.load(settings.actions or actions.SHIPPED),
        rejected=settings.rejected,
        partitions=settings.partitions,
        api_key=api_key,
    )
    server.run(app, host=host, port=port, api_key=api_key, on_ready=ready)
