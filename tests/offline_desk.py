"""What tests ask the offline model."""

import json
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import TypeAdapter

from chains.graphs.prompt_chain.steps import PROCESSED_CONTENT
from chains.offline import OfflineModel

MARTA = "My name is Marta Nowak. Please refund €1,240.00 for order ORD-48213, both lamps came broken."


def asked(shape: TypeAdapter[Any], text: str, **more: Any) -> dict[str, Any]:
    model = OfflineModel().with_structured_output(shape.json_schema())
    answer = model.invoke([SystemMessage("Work."), HumanMessage(json.dumps({"request": text, **more}))])
    return dict(shape.validate_python(answer))


def drafted(text: str, *said: str) -> dict[str, Any]:
    return asked(PROCESSED_CONTENT, text, draft="", reviewer_said=list(said))
