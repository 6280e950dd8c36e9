"""The versions of policy and models that decisions were made with: kept by the API, found by a replay."""

from functools import cache

from ebbtide.logs.documents import Documents
from models.actions import actions, responses
from models.actions.actions import ActionCatalogue
from models.actions.responses import Responses
from models.churn import artefact
from models.churn.scorer import ChurnScorer

POLICY, CHURN, RESPONSES = "policy", "churn", "responses"


class Keeper:
    """Keeps each version that it sees, once."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._seen: dict[str, str] = {}

    def see(self, policy: ActionCatalogue, scorer: ChurnScorer | None, learned: Responses | None) -> None:
        """Keep what is in force, where it is another version than was last seen.

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        if self._new(POLICY, policy.version):
            self._keep(POLICY, policy.version, policy.text.encode())
        if scorer is not None and self._new(CHURN, scorer.version):
            self._keep(CHURN, scorer.version, artefact.encode(scorer.artefact))
        if learned is not None and self._new(RESPONSES, learned.version):
            self._keep(RESPONSES, learned.version, responses.encode(learned.model))

    def _new(self, kind: str, version: str) -> bool:
        return self._seen.get(kind) != version

    def _keep(self, kind: str, version: str, raw: bytes) -> None:
        self._documents.keep(kind, version, raw)
        self._seen[kind] = version


class Kept:
    """Finds versions, None where one is no longer kept. Reads each once.

    Raises ConfigError or ModelError for a document that cannot be used.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.policy = cache(self._policy)
        self.churn = cache(self._churn)
        self.responses = cache(self._responses)

    def _policy(self, version: str) -> ActionCatalogue | None:
        """The policy of a version."""
        raw = self._documents.get(POLICY, version)
        return None if raw is None else actions.parse(raw, f"policy {version}")

    def _churn(self, version: str) -> ChurnScorer | None:
        """The churn model of a version."""
        raw = self._documents.get(CHURN, version)
        return None if raw is None else ChurnScorer(version, artefact.decode(raw))

    def _responses(self, version: str) -> Responses | None:
        """The response model of a version."""
        raw = self._documents.get(RESPONSES, version)
        return None if raw is None else Responses(responses.decode(raw), version)
