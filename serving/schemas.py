"""The shapes of requests and answers, as the API documents them.

Answers are encoded by msgspec from the nouns of `ebbtide.domain`; a test holds these models against them.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic.alias_generators import to_camel

from ebbtide.domain.customer import Stage

MAX_CONTEXT_BYTES = 8 * 1024
"""A receipt keeps the context, so it is bounded."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class Shape(BaseModel):
    """Camel case outside, and nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=True)


class DecisionRequest(Shape):
    """The question of what next for a customer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"customerId": "14911", "limit": 3}, {"customerId": "12346", "test": True}],
        }
    )

    customer_id: CustomerId | int = Field(description="As in `userId` of the events.")
    decision_point: str = Field(
        "default",
        min_length=1,
        max_length=100,
        description="Where the answer will be used, e.g. `home_page`.",
    )
    limit: int = Field(5, ge=1, le=50, description="At most so many actions, and so many recommendations.")
    context: dict[str, Any] = Field(
        default_factory=dict, description="Whatever the receipt should remember of the moment; up to 8 KB."
    )
    as_of: datetime | None = Field(
        None,
        description="Answer as of this time (ISO 8601, UTC if it names no zone), not before the customer's "
        "last event. Only with `test`.",
    )
    test: bool = Field(False, description="Only try: nothing is recorded.")
    explain: bool = Field(True, description="Give the reasons of the churn probability (about 2 ms).")

    @field_validator("context")
    @classmethod
    def _small_json(cls, context: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(msgspec.json.encode(context))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError("should be JSON") from error
        if size > MAX_CONTEXT_BYTES:
            raise ValueError(f"should have at most {MAX_CONTEXT_BYTES} bytes, found {size}")
        return context

    @field_validator("as_of")
    @classmethod
    def _within_reach(cls, as_of: datetime | None) -> datetime | None:
        if as_of is None:
            return None
        moment = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
        if not EARLIEST <= moment < LATEST:
            raise ValueError(f"should lie from {EARLIEST.year} to {LATEST.year}")
        return moment

    @model_validator(mode="after")
    def _past_only_as_a_test(self) -> "DecisionRequest":
        if self.as_of is not None and not self.test:
            raise ValueError("`asOf` needs `test: true`: a decision that counts is made now")
        return self


class ReasonShape(Shape):
    """Why a probability is what it is."""

    signal: str
    value: float | None
    contribution: float = Field(description="In log-odds; positive raises the probability.")
    text: str
    remedy: str | None = Field(description="What somebody could do about it, if anything.")
    change: float | None = Field(
        description="What the remedy adds to the probability by the model in force, usually below 0."
    )


class ChurnShape(Shape):
    """The probability of leaving."""

    probability: dict[str, float] = Field(description="By horizon in days.")
    horizon: int = Field(
        description="The main horizon, in days: the one that triggers, actions and reasons use."
    )
    median_days: float | None = Field(
        description="Days until half of such customers will have ordered (with cancellation as churn: "
        "cancelled). Null beyond the last horizon."
    )
    reasons: list[ReasonShape]


class TriggerShape(Shape):
    """A moment to speak."""

    id: str
    reason: str


class ActionShape(Shape):
    """A candidate, ranked by its expected value."""

    id: str
    channel: str
    message: str
    expected_value: float = Field(description="In the currency of the events.")
    propensity: float = Field(description="The probability with which it was chosen to stand first.")


class RecommendationShape(Shape):
    """A product to show."""

    product_id: str
    name: str
    score: float
    reason: str


class VersionsShape(Shape):
    """What the decision was made with."""

    catalog: str
    model: str | None
    actions: str


class DecisionResponse(Shape):
    """The answer."""

    decision_id: str = Field(description="Cite it in later events as the property `decisionId`.")
    customer_id: str
    known: bool = Field(description="False for a customer of whom no event was seen.")
    stage: Stage
    as_of: str
    expires_at: str
    churn: ChurnShape | None = Field(description="Null without a model, or without an order to judge by.")
    triggers: list[TriggerShape]
    actions: list[ActionShape]
    recommendations: list[RecommendationShape]
    versions: VersionsShape
    degraded: list[str] = Field(description="What was missing.")


class RefusalShape(Shape):
    """An event that was refused."""

    index: int = Field(description="Its place in the batch, counted from 0.")
    reason: str


class TakenResponse(Shape):
    """What became of the events; those accepted are in the event log."""

    success: bool
    accepted: int
    duplicates: int = Field(description="How many of the accepted the log had before, by `messageId`.")
    rejected: list[RefusalShape]


class ReadyResponse(Shape):
    """The API answers decisions."""

    ready: bool
    catalog: str
    model: str | None
    degraded: list[str]


class LiveResponse(Shape):
    """The process runs."""

    alive: bool
