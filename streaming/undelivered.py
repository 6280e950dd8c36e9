"""Messages that did not arrive: their contacts are given back, so that caps count only what arrived."""

from collections.abc import Iterable

from redis import Redis

from ebbtide.logs.contacts import Contacts
from ebbtide.logs.decisions import DecisionLog
from streaming.attribution import CITES, told


class Undelivered:
    """Hears of failed deliveries from events that cite a decision, such as `Email Bounced`.

    Args:
        client: of the Redis with the decision log and the contacts; it must not decode responses.
    """

    def __init__(self, client: Redis) -> None:
        self._decisions, self._contacts = DecisionLog(client), Contacts(client)

    def give_back(self, raws: Iterable[bytes]) -> int:
        """Give back the contacts whose delivery failed, by what events (as logged) say; returns how many.

        Only an event of the customer for whom the decision was made counts. Told again, nothing changes.

        Raises:
            redis.RedisError: Redis does not answer.
            StoreError: the decision log holds something else.
        """
        cites = (raw for raw in raws if CITES in raw)
        failed = [one for one in told(cites) if one.kind == "failure"]
        receipts = self._decisions.get_many([one.decision or "" for one in failed])
        return sum(
            self._contacts.release(receipt.customer, receipt.decision.decision_id)
            for one, receipt in zip(failed, receipts, strict=True)
            if receipt is not None and one.customer in (receipt.customer, receipt.decision.customer_id)
        )
