"""The other side of each format: strict readers of an answer, written from the formats' own rules.

Each takes what the graph asked and what it was resumed with, and tells what was decided, item by item, as
(verdict, arguments of an edit or an answer, words). Anything out of order is an AssertionError.
"""

from typing import Any

from jsonschema import Draft202012Validator

from chains.asking import MARK

Decided = tuple[str, Any, str]
LEGACY_FLAGS = {"accept": "allow_accept", "edit": "allow_edit", "response": "allow_respond", "ignore": "allow_ignore"}


def batch(asked: dict[str, Any], answer: Any) -> list[Decided]:
    camel = "actionRequests" in asked
    requests = asked["actionRequests" if camel else "action_requests"]
    configs = asked["reviewConfigs" if camel else "review_configs"]
    name, allowed = ("actionName", "allowedDecisions") if camel else ("action_name", "allowed_decisions")
    rules = {config[name]: config[allowed] for config in configs}
    if [config[name] for config in configs] == [request["name"] for request in requests]:
        taken = [config[allowed] for config in configs]
    else:
        taken = [rules[request["name"]] for request in requests]
    assert set(answer) == {"decisions"}
    assert len(answer["decisions"]) == len(requests)
    key = "editedAction" if camel else "edited_action"
    together = zip(requests, taken, answer["decisions"], strict=True)
    return [_decision(request, rule, decision, key) for request, rule, decision in together]


def call(asked: dict[str, Any], schema: dict[str, Any], answer: Any) -> list[Decided]:
    assert Draft202012Validator(schema).is_valid(answer)
    return [_decision(asked, ["approve", "edit", "reject", "respond"], answer, "edited_action")]


def legacy(asked: Any, answer: Any) -> list[Decided]:
    requests = asked if isinstance(asked, list) else [asked]
    assert isinstance(answer, list)
    assert len(answer) == len(requests)
    return [_response(request, response) for request, response in zip(requests, answer, strict=True)]


def bound(asked: dict[str, Any], answer: Any, *, sha256: str, reviewer: str) -> list[Decided]:
    assert asked[MARK] == 1
    verdict = answer["verdict"]
    assert verdict in asked["allowed"]
    assert set(answer) == {"verdict", "sha256", "message", "reviewer"} | ({"arguments"} if verdict == "edit" else set())
    assert (answer["sha256"], answer["reviewer"]) == (sha256, reviewer)
    if verdict == "edit":
        assert isinstance(answer["arguments"], dict)
        assert Draft202012Validator(asked.get("arguments_schema") or {}).is_valid(answer["arguments"])
    return [(verdict, answer.get("arguments"), answer["message"])]


def _decision(asked: dict[str, Any], allowed: list[str], decision: Any, edit_key: str) -> Decided:
    kind = decision["type"]
    assert kind in allowed
    keys = set(decision) - {"type"}
    if kind == "edit":
        assert keys == {edit_key}
        assert set(decision[edit_key]) == {"name", "args"}
        assert decision[edit_key]["name"] == asked["name"]
        assert isinstance(decision[edit_key]["args"], dict)
        return kind, decision[edit_key]["args"], ""
    assert keys <= ({"message"} if kind in ("reject", "respond") else set())
    assert isinstance(decision.get("message", ""), str)
    assert kind != "respond" or decision["message"].strip()
    return kind, None, decision.get("message", "")


def _response(request: dict[str, Any], response: Any) -> Decided:
    assert set(response) == {"type", "args"}
    kind, args = response["type"], response["args"]
    assert request["config"][LEGACY_FLAGS[kind]] is True
    if kind == "accept":
        assert args == request["action_request"]
        return "approve", None, ""
    if kind == "edit":
        assert set(args) == {"action", "args"}
        assert args["action"] == request["action_request"]["action"]
        assert isinstance(args["args"], dict)
        return "edit", args["args"], ""
    if kind == "response":
        assert isinstance(args, str)
        assert args.strip()
        return "respond", None, args
    assert args is None
    return "reject", None, ""
