"""One call of the chat model: ask, check the answer, and note what it cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import TypeAdapter, ValidationError

from chains.chat_models import price
from chains.graphs.prompt_chain.state import CONTENT_LIMIT, StepMetadata
from chains.graphs.texts import storable

T = TypeVar("T")


class UnusableAnswer(ValueError):
    """The model did not answer in the shape it was asked for. The sentence holds nothing the model wrote."""


@dataclass(frozen=True)
class Model:
    """A chat model by name, opened when it is first needed: pages compile the graph too, and never call it."""

    name: str
    open: Callable[[], BaseChatModel]

    def ask(self, messages: list[BaseMessage], *, shape: TypeAdapter[T], step: str) -> tuple[T, StepMetadata]:
        """The answer, checked against `shape`, which also tells the model what to give."""
        asked = self.open().with_structured_output(shape.json_schema(), include_raw=True)
        started = time.perf_counter()
        given: Any = asked.invoke(messages)
        spent = self._spent(given["raw"], started)
        return _checked(given["parsed"], shape, step), spent

    def write(self, messages: list[BaseMessage], *, step: str) -> tuple[str, StepMetadata]:
        """Free text."""
        started = time.perf_counter()
        answer = self.open().invoke(messages)
        return _readable(str(answer.text).strip(), step), self._spent(answer, started)

    def _spent(self, answer: AIMessage, started: float) -> StepMetadata:
        usage = answer.usage_metadata
        tokens_in, tokens_out = (usage["input_tokens"], usage["output_tokens"]) if usage else (None, None)
        return StepMetadata(
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost=price(self.name, tokens_in=tokens_in, tokens_out=tokens_out),
            milliseconds=round((time.perf_counter() - started) * 1000),
            model=self.name,
        )


NO_MODEL = StepMetadata(tokens_in=0, tokens_out=0, cost=0.0, milliseconds=0, model=None)


def _checked(parsed: Any, shape: TypeAdapter[T], step: str) -> T:
    if parsed is None:
        raise UnusableAnswer(
            f"The model's answer in the step {step} is not the JSON it was asked for. Run the step again, or set "
            f"HOLDPOINT_MODEL to a model that supports structured output."
        )
    try:
        return shape.validate_python(parsed)
    except ValidationError as error:
        fields = ", ".join(_fields(error, shape))
        raise UnusableAnswer(
            f"The model's answer in the step {step} does not fit: {fields}. Run the step again."
        ) from None


def _fields(error: ValidationError, shape: TypeAdapter[Any]) -> list[str]:
    """The names of our own fields that are wrong; names the model made up are not repeated."""
    known = shape.json_schema().get("properties", {})
    wrong = {str(problem["loc"][0]) if problem["loc"] else "" for problem in error.errors()}
    return sorted(name if name in known else "a field nobody asked for" for name in wrong)


def _readable(text: str, step: str) -> str:
    if not text or len(text) > CONTENT_LIMIT:
        raise UnusableAnswer(f"The model's answer in the step {step} is empty or too long. Run the step again.")
    try:
        return str(storable(text))
    except ValueError:
        raise UnusableAnswer(f"The model's answer in the step {step} holds characters that cannot be stored.") from None
