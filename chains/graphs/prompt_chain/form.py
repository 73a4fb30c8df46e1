"""What a requester fills in, and how it becomes the graph's input."""

import uuid
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chains.graphs.prompt_chain.turns import request_message
from chains.graphs.texts import on_one_line, one_newline, storable
from chains.registry import Facts


class RequestForm(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Request")

    request: Annotated[
        str,
        BeforeValidator(storable),
        BeforeValidator(one_newline),
        Field(
            title="What do you need?",
            description="Paste the message or describe it: who wants what, with order numbers, amounts and dates.",
            min_length=1,
            max_length=4000,
            json_schema_extra={"x-widget": "textarea"},
        ),
    ]


def turn(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The input of a first or a later request. It clears what an earlier one left, so no old draft is reviewed."""
    request_id = str(uuid.uuid4())
    return {
        "messages": [request_message(values["request"], request_id=request_id, author=facts.user_name)],
        "request_id": request_id,
        "user_id": facts.user_id,
        "analysis": None,
        "processed_content": None,
        "final_response": None,
    }


def title_for(values: dict[str, Any]) -> str:
    return on_one_line(str(values.get("request", "")), limit=80) or "Request"
