"""The settings of this chain."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chains.graphs.prompt_chain.state import Complexity


class Options(BaseModel):
    """When a person is asked before a reply goes out, and how often they may send a draft back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    review: Literal["always", "complexity", "confidence", "never"] = "always"
    review_complexity: Complexity = "moderate"
    review_confidence: float = Field(default=0.75, ge=0, le=1, allow_inf_nan=False)
    review_rounds: int = Field(default=3, ge=0, le=20)


class BadOption(ValueError):
    """A setting of the chain is not one it knows; the sentence names it and what is allowed."""


def read_options(values: Mapping[str, Any]) -> Options:
    unknown = sorted(set(values) - set(Options.model_fields))
    if unknown:
        known = ", ".join(Options.model_fields)
        raise BadOption(f"prompt_chain has no option {unknown[0]!r}. Its options are {known}.")
    try:
        return Options.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BadOption(f"prompt_chain: option {name} is {values[name]!r}. {first['msg']}.") from None
