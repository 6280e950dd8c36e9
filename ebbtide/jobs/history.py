"""The history of the working folder, opened with bars that tell how far its making is."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from ebbtide.errors import ModelError
from ebbtide.jobs.progress import Progress
from ebbtide.settings import Settings
from features import history
from features.history import History
from features.rebuild import Span


@contextmanager
def opened(settings: Settings, progress: Progress) -> Iterator[tuple[History, Span]]:
    """Open the history, with the span of its events; another command that reads it waits meanwhile.

    Raises:
        ModelError: there are no events.
        InputError: a file of the archive is missing or damaged.
    """
    with ExitStack() as stack:
        with progress("Events (archive)") as advance:
            past = stack.enter_context(history.opened(settings.events, settings.history))
            span = past.span(advance)
        if span is None:
            raise ModelError(
                f"no history to train on: expected events in {settings.events}, found none; "
                "import a log (ebbtide import FILE), or let the stream run"
            )
        yield past, span


def include(past: History, moments: Iterable[float], progress: Progress) -> None:
    """Make the history exact at moments in Unix seconds, all of them at once."""
    span = past.span()
    with progress("States at the cut-offs (replay)", None if span is None else span.events) as advance:
        past.include(moments, advance)
