"""The form of a graph that comes without one: made from what the graph says it takes."""

import sys
import typing
from collections.abc import Mapping
from typing import Any, cast

import typing_extensions
from pydantic import TypeAdapter

from chains.inputs import InputForm, input_form
from chains.registry.chain import Builder


def form_of(builder: Builder) -> InputForm:
    """Raises whatever Pydantic raises of a type that has no JSON Schema."""
    return input_form(json_schema_of(builder.input_schema), managed=builder.managed.keys())


def json_schema_of(declared: type[Any]) -> dict[str, Any]:
    """JSON Schema of a state. Pydantic refuses `typing.TypedDict` before Python 3.12, though its graph runs well."""
    return TypeAdapter(cast(Any, _readable(declared))).json_schema()


def is_old_typed_dict(declared: Any) -> bool:
    """A TypedDict that cannot say everything about its keys, being of `typing` and before Python 3.12."""
    return sys.version_info < (3, 12) and typing.is_typeddict(declared) and type(declared).__module__ == "typing"


def _readable(declared: type[Any]) -> Any:
    if not is_old_typed_dict(declared):
        return declared
    return _typed_dict(declared, typing_extensions.get_type_hints(declared, include_extras=True))


def _typed_dict(declared: Any, hints: Mapping[str, Any]) -> Any:
    """The same keys, and the same of them required."""
    required = declared.__required_keys__
    marked = {
        key: hint if key in required else typing_extensions.NotRequired[_unmarked(hint)] for key, hint in hints.items()
    }
    make: Any = typing_extensions.TypedDict
    return make(declared.__name__, marked)


def _unmarked(hint: Any) -> Any:
    marks = (typing_extensions.NotRequired, typing_extensions.Required)
    return typing_extensions.get_args(hint)[0] if typing_extensions.get_origin(hint) in marks else hint
