"""LangChain's HumanInTheLoopMiddleware, batched: every gated call of one model turn in one interrupt.

Nothing in it names a call, so the decisions are paired with the calls by their position. Both spellings are answered as
they came: snake_case from Python, camelCase from JavaScript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.asking import Verdict
from chains.questions.shapes import Item, Kind, Question, Unreadable, require, title_of, verdicts_of

MOST_CALLS = 100
KNOWN = {verdict.value: verdict for verdict in Verdict}


@dataclass(frozen=True)
class Spelling:
    requests: str
    configs: str
    action: str
    allowed: str
    schema: str
    edit: str


SNAKE = Spelling(
    "action_requests", "review_configs", "action_name", "allowed_decisions", "args_schema", "edited_action"
)
CAMEL = Spelling("actionRequests", "reviewConfigs", "actionName", "allowedDecisions", "argsSchema", "editedAction")


def read(value: Any, *, tools: Mapping[str, dict[str, Any]]) -> Question | None:
    if not isinstance(value, Mapping) or not {SNAKE.requests, CAMEL.requests} & value.keys():
        return None
    require(not {SNAKE.requests, CAMEL.requests} <= value.keys(), "It lists its actions in two spellings.")
    spelling = SNAKE if SNAKE.requests in value else CAMEL
    requests = [_request(request) for request in _list(value[spelling.requests])]
    configs = [_config(config, spelling) for config in _list(value.get(spelling.configs))]
    require(len(requests) <= MOST_CALLS, f"It asks about more than {MOST_CALLS} actions at once.")
    paired = zip(requests, _paired(requests, configs, spelling), strict=True)
    items = tuple(_item(request, config, spelling, tools) for request, config in paired)
    return Question(Kind.BATCH, items, tools=tools)


def _list(value: Any) -> list[Any]:
    require(isinstance(value, list) and bool(value), "Its actions or their rules are not a list, or an empty one.")
    return list(value)


def _request(request: Any) -> Mapping[str, Any]:
    require(isinstance(request, Mapping), "One of its actions is not a set of named values.")
    name, description = request.get("name"), request.get("description")
    require(isinstance(name, str) and bool(name.strip()), "One of its actions has no name.")
    require(isinstance(request.get("args"), dict), "The arguments of one of its actions are not a set of named values.")
    require(description is None or isinstance(description, str), "The description of one of its actions is not text.")
    return dict(request)


def _config(config: Any, spelling: Spelling) -> Mapping[str, Any]:
    require(isinstance(config, Mapping), "One of its rules is not a set of named values.")
    require(isinstance(config.get(spelling.action), str), "One of its rules does not say which action it is for.")
    schema = config.get(spelling.schema)
    require(schema is None or isinstance(schema, dict), "The schema in one of its rules is not a JSON Schema.")
    return dict(config)


def _paired(
    requests: Sequence[Mapping[str, Any]], configs: Sequence[Mapping[str, Any]], spelling: Spelling
) -> list[Mapping[str, Any]]:
    """By position, as the middleware writes them; by name where every action has one of its own."""
    names = [config[spelling.action] for config in configs]
    wanted = [request["name"] for request in requests]
    if names == wanted:
        return list(configs)
    if any(names.count(name) != 1 or wanted.count(name) != 1 for name in wanted):
        raise Unreadable("Its actions and its rules do not match.")
    return [configs[names.index(name)] for name in wanted]


def _item(
    request: Mapping[str, Any],
    config: Mapping[str, Any],
    spelling: Spelling,
    tools: Mapping[str, dict[str, Any]],
) -> Item:
    name = request["name"]
    return Item(
        action=name,
        title=title_of(name),
        description=request.get("description") or "",
        arguments=request["args"],
        allowed=verdicts_of(config.get(spelling.allowed), known=KNOWN),
        schema=config.get(spelling.schema) or tools.get(name),
        edit_key=spelling.edit,
    )
