"""Put in force what was learned about responses, if decisions made with it bring more."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from redis import Redis

from ebbtide.errors import ModelError
from ebbtide.jobs.models import registry
from ebbtide.jobs.progress import Progress
from ebbtide.jobs.what_if import decided
from ebbtide.settings import Settings

if TYPE_CHECKING:
    from models.actions.action_promotion import Compared
    from models.actions.responses import ResponseModel
    from models.registry.promotion import Order


@dataclass(frozen=True)
class Promoted:
    """The version in Redis of the model put in force, and what spoke for it, unless forced or restored."""

    published: str
    compared: "Compared | None" = None

    def public(self) -> dict[str, Any]:
        """What `--json` prints."""
        compared = None if self.compared is None else asdict(self.compared) | {"proven": self.compared.proven}
        return {"published": self.published, "compared": compared}


def promote_actions(
    settings: Settings, client: Redis, order: "Order", *, force: bool, progress: Progress
) -> Promoted:
    """Make what the stream has learned the champion if it is better than the model in force, or if forced.

    Raises:
        ModelError: nothing was learned yet, or it is not proven better (with the figures). Nothing changes.
        StoreError: Redis cannot be read or written; nothing is changed.
    """
    from models.actions import action_promotion, actions, response_watcher

    learned = _learned(client)
    compared = None
    if not force:
        policy = actions.load(settings.actions or actions.SHIPPED)
        incumbent = response_watcher.load(client)
        with progress("Decisions with a known outcome") as advance:
            rows = decided(client, advance)
        with progress("Learn, decide again", len(rows) * 3 // 2) as advance:
            compared = action_promotion.compare(rows, policy, incumbent, advance)
        if not compared.proven:
            raise ModelError(_refusal(compared))
    published = action_promotion.promote(registry(settings), client, learned, order, compared)
    return Promoted(published, compared)


def restore_actions(settings: Settings, client: Redis, order: "Order", version: str) -> Promoted:
    """Make an earlier version the champion again.

    Raises:
        ModelError: there is none, or it cannot be used; nothing is changed.
        StoreError: Redis cannot be written; nothing is changed.
    """
    from models.actions import action_promotion

    return Promoted(action_promotion.restore(registry(settings), client, version, order))


def _learned(client: Redis) -> "ResponseModel":
    from streaming.action_learner import learner_of, saved

    found = saved(client)
    learner = None if found is None else learner_of(found)
    if learner is None or not learner.rows:
        raise ModelError(
            "response model: expected outcomes that the stream has learned from, found none; run `ebbtide "
            "stream`: they are learned when the windows of the first decisions are over"
        )
    return learner.document()


def _refusal(found: "Compared") -> str:
    against = "the entries of the policy" if found.incumbent is None else f"version {found.incumbent}"
    return (
        f"response model: not promoted: expected its gain over {against} to be above 0 beyond chance, found "
        f"{found.gain.value:+.4f} per decision (95% {found.gain.low:+.4f} to {found.gain.high:+.4f}) on "
        f"{found.judged_on:,} decisions; wait for more, or promote it all the same: --force --reason TEXT"
    )
