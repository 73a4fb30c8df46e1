"""What a request carries through the chain. Each shape is defined once, for state, model and checks."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from chains.graphs.texts import StorableText

Complexity = Literal["simple", "moderate", "complex"]
EntityKind = Literal["person", "order", "invoice", "amount", "date", "email", "phone", "address", "other"]

CONTENT_LIMIT = 10_000
_closed = with_config(ConfigDict(extra="forbid"))

ShortText = Annotated[StorableText, Field(min_length=1, max_length=200)]
NOTES = 10
ShortTexts = Annotated[list[ShortText], Field(max_length=NOTES)]


@_closed
class Entity(TypedDict):
    """Something the request names, in the requester's own spelling."""

    kind: EntityKind
    text: ShortText


@_closed
class Analysis(TypedDict):
    """What a request is about."""

    intent: Annotated[StorableText, Field(min_length=1, max_length=80, description="What is wanted, in a few words.")]
    key_entities: Annotated[list[Entity], Field(max_length=30)]
    complexity: Complexity
    context: Annotated[StorableText, Field(max_length=600, description="What a colleague should know, in a sentence.")]


@_closed
class Details(TypedDict):
    """What stands behind a draft."""

    missing: Annotated[ShortTexts, Field(description="Facts the reply asks for because the request does not say them.")]
    assumptions: Annotated[ShortTexts, Field(description="What the reply takes for granted.")]
    changes: Annotated[ShortTexts, Field(description="What was changed on a reviewer's words.")]


@_closed
class ProcessedContent(TypedDict):
    """A draft of the reply."""

    content: Annotated[StorableText, Field(min_length=1, max_length=CONTENT_LIMIT, description="The reply itself.")]
    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="0 for a guess, 1 for certain.")]
    details: Details


class StepMetadata(TypedDict):
    """What one step used. `cost` is in US dollars. None: the provider did not say, or the price is not known."""

    tokens_in: int | None
    tokens_out: int | None
    cost: float | None
    milliseconds: int
    model: str | None


def merge_steps(
    old: Mapping[str, StepMetadata] | None, new: Mapping[str, StepMetadata] | None
) -> dict[str, StepMetadata]:
    return {**(old or {}), **(new or {})}


class State(TypedDict):
    """Every request of a thread adds to `messages` and `step_metadata`; the other keys are the current request's."""

    messages: Annotated[list[AnyMessage], add_messages]
    request_id: str
    user_id: str
    analysis: Analysis | None
    processed_content: ProcessedContent | None
    final_response: StorableText | None
    step_metadata: Annotated[dict[str, StepMetadata], merge_steps]


Update = dict[str, Any]


def entry_name(state: State, step: str) -> str:
    """`process`, then `process#2`, `process#3`: a step that ran again is listed again, so costs add up."""
    listed = state.get("step_metadata") or {}
    runs = sum(1 for name in listed if name.partition("#")[0] == step)
    return step if runs == 0 else f"{step}#{runs + 1}"
