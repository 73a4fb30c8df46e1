"""The nodes: plain functions from the state to an update, made for one model and one set of options."""

from typing import Literal, Protocol

from langgraph.types import Command
from pydantic import TypeAdapter

from chains.asking import Answer, Verdict, ask_human
from chains.graphs.prompt_chain import prompts, reviewing, turns
from chains.graphs.prompt_chain.calls import NO_MODEL, Model
from chains.graphs.prompt_chain.options import Options
from chains.graphs.prompt_chain.state import Analysis, ProcessedContent, State, Update, entry_name

Verdicts = Command[Literal["review", "process", "synthesize", "__end__"]]


class Step(Protocol):
    def __call__(self, state: State) -> Update: ...


class Review(Protocol):
    def __call__(self, state: State) -> Verdicts: ...


class Route(Protocol):
    def __call__(self, state: State) -> Literal["review", "synthesize"]: ...


ANALYSIS = TypeAdapter(Analysis)
PROCESSED_CONTENT = TypeAdapter(ProcessedContent)


def analyze_with(model: Model) -> Step:
    def analyze(state: State) -> Update:
        analysis, spent = model.ask(prompts.analyze(state), shape=ANALYSIS, step="analyze")
        return {"analysis": analysis, "step_metadata": {entry_name(state, "analyze"): spent}}

    return analyze


def process_with(model: Model) -> Step:
    def process(state: State) -> Update:
        draft, spent = model.ask(prompts.process(state), shape=PROCESSED_CONTENT, step="process")
        return {"processed_content": draft, "step_metadata": {entry_name(state, "process"): spent}}

    return process


def synthesize_with(model: Model) -> Step:
    def synthesize(state: State) -> Update:
        """What people approved is sent as it is: no model comes between the approval and the reply."""
        draft = state["processed_content"]
        if draft is not None and turns.is_approved(state):
            response, spent = draft["content"], NO_MODEL
        else:
            response, spent = model.write(prompts.synthesize(state), step="synthesize")
        return {
            "final_response": response,
            "messages": [turns.reply_message(response, state=state)],
            "step_metadata": {entry_name(state, "synthesize"): spent},
        }

    return synthesize


def review_under(options: Options) -> Review:
    def review(state: State) -> Verdicts:
        answer = ask_human(**reviewing.question(state, options))
        if not reviewing.keeps_the_rules(answer, state, options):
            # Raising would leave the answer in the checkpoint, for LangGraph to replay for ever: ask anew instead.
            return Command(goto="review")
        return _follow(answer, state)

    return review


def route_under(options: Options) -> Route:
    def route(state: State) -> Literal["review", "synthesize"]:
        return "review" if reviewing.needs_review(state, options) else "synthesize"

    return route


def _follow(answer: Answer, state: State) -> Verdicts:
    said = turns.review_message(answer, state=state)
    match answer.verdict:
        case Verdict.APPROVE:
            return Command(goto="synthesize", update={"messages": [said]})
        case Verdict.EDIT:
            draft = reviewing.edited(state, answer)
            return Command(goto="synthesize", update={"messages": [said], "processed_content": draft})
        case Verdict.RESPOND:
            return Command(goto="process", update={"messages": [said]})
        case Verdict.REJECT:
            response = reviewing.refusal(answer)
            reply = turns.reply_message(response, state=state)
            return Command(goto="__end__", update={"messages": [said, reply], "final_response": response})
