"""pays: work (slow) → ask (bound) → pay. Each leaves a row that says what it acted on, by the database's clock."""

import os
import time

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human

EFFECTS = """
CREATE TABLE IF NOT EXISTS fault_effects (
    thread_id text, what text, at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
# Where effects are counted when DATABASE_URL itself leads through a fault.
DIRECT = "FAULT_EFFECTS_URL"
SCHEMA = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


class State(TypedDict, total=False):
    amount: int
    seconds: float
    verdict: str


def work(state: State, config: RunnableConfig) -> State:
    _count(config, "work begins")
    time.sleep(state.get("seconds", 0))
    _count(config, "work ends")
    return {}


def ask(state: State) -> State:
    amount = state.get("amount", 0)
    answer = ask_human(action="pay", title=f"Pay {amount} EUR", arguments={"amount": amount}, arguments_schema=SCHEMA)
    return {"amount": answer.arguments["amount"], "verdict": answer.verdict.value}


def pay(state: State, config: RunnableConfig) -> State:
    if state["verdict"] in {Verdict.APPROVE, Verdict.EDIT}:
        _count(config, f"paid {state['amount']}")
        time.sleep(state.get("seconds", 0))
    return {}


def _count(config: RunnableConfig, what: str) -> None:
    address = os.environ.get(DIRECT) or os.environ["DATABASE_URL"]
    with psycopg.connect(address, autocommit=True) as connection:
        row = (config["configurable"]["thread_id"], what)
        connection.execute("INSERT INTO fault_effects (thread_id, what) VALUES (%s, %s)", row)


pays = StateGraph(State)
pays.add_node("work", work)
pays.add_node("ask", ask)
pays.add_node("pay", pay)
pays.add_edge(START, "work")
pays.add_edge("work", "ask")
pays.add_edge("ask", "pay")
pays.add_edge("pay", END)
