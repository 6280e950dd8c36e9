"""The shapes of decisions and outcomes, as the API documents them; a test holds them against the domain."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import ConfigDict, Field, StrictInt, StringConstraints, field_validator, model_validator

from ebbtide.domain.customer import Stage
from ebbtide.domain.outcome import OutcomeType
from serving.schemas import Shape

MAX_CONTEXT_BYTES = 8 * 1024
"""A receipt keeps the context, so it is bounded."""
MOST_SHOWN = 50
"""Actions, and recommendations, in an answer."""
MAX_BATCH = 1_000
"""Questions in one request."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
DecisionPointName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class DecisionRequest(Shape):
    """The question of what next for a customer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"customerId": "14911", "limit": 3},
                {"customerId": "12346", "explain": True, "test": True},
            ],
        }
    )

    customer_id: CustomerId | StrictInt = Field(description="As in `userId` of the events.")
    decision_point: DecisionPointName = Field(
        "default",
        description="Where the answer will be used, e.g. `home_page`: one of the policy's, if it names any.",
    )
    limit: int = Field(
        5, ge=1, le=MOST_SHOWN, description="At most so many actions, and so many recommendations."
    )
    context: dict[str, Any] = Field(
        default_factory=dict, description="Whatever the receipt should remember of the moment; up to 8 KB."
    )
    as_of: datetime | None = Field(
        None,
        description="Answer as of this time (ISO 8601, UTC if it names no zone), not before the customer's "
        "last event. Only with `test`.",
    )
    test: bool = Field(False, description="Only try: nothing is recorded or reserved.")
    explain: bool = Field(False, description="Give the reasons of the churn probability (about 2 ms).")

    @field_validator("context")
    @classmethod
    def _small_json(cls, context: dict[str, Any]) -> dict[str, Any]:
        try:
            encoded = msgspec.json.encode(context)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError("expected JSON") from error
        if len(encoded) > MAX_CONTEXT_BYTES:
            raise ValueError(f"expected at most {MAX_CONTEXT_BYTES} bytes, found {len(encoded)}")
        if msgspec.json.decode(encoded) != context:  # the receipt could not say what was decided by
            raise ValueError("expected finite numbers, found NaN or one that is too large")
        return context

    @field_validator("as_of")
    @classmethod
    def _within_reach(cls, as_of: datetime | None) -> datetime | None:
        return None if as_of is None else within_reach(as_of)

    @model_validator(mode="after")
    def _past_only_as_a_test(self) -> "DecisionRequest":
        if self.as_of is not None and not self.test:
            raise ValueError(
                "expected `test: true` beside `asOf`, since a decision that counts is made now, found false"
            )
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
    """An action: the one to take first, then the others that are allowed, by expected value."""

    id: str
    channel: str
    message: str
    expected_value: float = Field(description="Over doing nothing, in the currency of the events.")
    propensity: float = Field(description="The probability with which it was chosen to stand first.")
    send_at: str = Field(description="When to send it, within a day: now, or in the customer's best hour.")


class RecommendationShape(Shape):
    """A product to show."""

    product_id: str
    name: str
    score: float
    reason: str
    url: str | None = Field(None, description="As the item says; left out where it says none.")
    image: str | None = Field(None, description="The same.")


class VersionsShape(Shape):
    """What the decision was made with."""

    catalog: str
    model: str | None
    actions: str
    responses: str | None = Field(description="Of the learned model of responses.")


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


class BatchRequest(Shape):
    """Many questions."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"requests": [{"customerId": "14911"}, {"customerId": "12346"}]}]}
    )

    requests: list[Any] = Field(
        min_length=1,
        max_length=MAX_BATCH,
        description="Each as for one decision; what is wrong with one is said in its place.",
    )


class FaultShape(Shape):
    """A faulty field."""

    pointer: str = Field(description="A JSON pointer into the question, such as `#/limit`.")
    detail: str


class ProblemShape(Shape):
    """Why a question of a batch was not answered."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultShape] = Field([], description="Each faulty field.")


class BatchItem(Shape):
    """The answer to one question of a batch: a decision, or a problem."""

    decision: DecisionResponse | None = None
    problem: ProblemShape | None = None


class BatchResponse(Shape):
    """The answers, in the order of the questions."""

    answers: list[BatchItem]


class FlatResponse(Shape):
    """The decision in brief, without lists, for templates of messages."""

    decision_id: str
    customer_id: str
    stage: Stage
    expires_at: str
    churn: float | None = Field(description="The probability at the main horizon.")
    churn_days: int | None = Field(description="The main horizon, in days.")
    trigger: str = Field(description="The first that holds; empty if none does.")
    action: str = Field(description="What to do; `none`: nothing.")
    channel: str
    message: str = Field(description="Empty where nothing is to be done.")
    send_at: str = Field(description="When to send it, within a day.")
    product_id: str = Field(description="Of the product recommended first; empty if there is none.")
    product_name: str
    product_reason: str


class OutcomeRequest(Shape):
    """What came of a decision."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decisionId": "4f1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e", "type": "clicked"}],
        }
    )

    decision_id: str = Field(min_length=1, max_length=100, description="As the decision gave it.")
    type: OutcomeType
    value: float | None = Field(None, allow_inf_nan=False, description="Money, in that of the events.")
    timestamp: datetime | None = Field(
        None, description="When it happened (ISO 8601, UTC if it names no zone); unset: now."
    )

    @field_validator("timestamp")
    @classmethod
    def _within_reach(cls, timestamp: datetime | None) -> datetime | None:
        return None if timestamp is None else within_reach(timestamp)


class OutcomeResponse(Shape):
    """The outcome is in the event log."""

    success: bool
    duplicate: bool = Field(description="Whether the log had it before.")
    released: bool = Field(description="Whether the contact was given back, as the delivery failed.")


def within_reach(moment: datetime) -> datetime:
    """A time with its zone; ValueError if it is of another age."""
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not EARLIEST <= known < LATEST:
        raise ValueError(f"expected a time from {EARLIEST.year} to {LATEST.year}")
    return known
