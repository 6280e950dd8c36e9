"""The shapes that all requests and answers share, and those of events and health, as the API documents them.

Answers are encoded by msgspec from the nouns of `ebbtide.domain`; a test holds these models against them.
"""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """Camel case outside, and nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=True)


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
