"""count → write → close: a node that counts its work, and one whose model writes piece by piece.

With `gates`, a directory, each of the first two stops in its middle until a file named after it is there.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

LONGEST_WAIT = 30.0


class State(TypedDict, total=False):
    pieces: list[str]
    pause: float
    gates: str
    label: str
    reply: str


class PieceByPiece(BaseChatModel):
    """Says its pieces, `pause` seconds apart, and waits for the gate in their middle."""

    pieces: list[str]
    pause: float = 0.0
    gates: str = ""

    @property
    def _llm_type(self) -> str:
        return "piece-by-piece"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(chunk.text for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for number, piece in enumerate(self.pieces):
            if number == len(self.pieces) // 2:
                wait_at(self.gates, "write")
            time.sleep(self.pause)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk


def count(state: State) -> State:
    tell = get_stream_writer()
    for done in range(1, 5):
        tell({"done": done, "total": 4, "label": state.get("label", "Reading pages")})
        if done == 2:
            wait_at(state.get("gates", ""), "count")
    return {}


def write(state: State) -> State:
    model = PieceByPiece(pieces=state["pieces"], pause=state.get("pause", 0.0), gates=state.get("gates", ""))
    return {"reply": str(model.invoke("Write.").text)}


def close(state: State) -> State:
    return {}


def wait_at(gates: str, name: str) -> None:
    begun = time.monotonic()
    while gates and not (Path(gates) / name).exists():
        assert time.monotonic() - begun < LONGEST_WAIT, f"nobody opened the gate {name}"
        time.sleep(0.02)


builder = StateGraph(State)
builder.add_node("count", count)
builder.add_node("write", write)
builder.add_node("close", close)
builder.add_edge(START, "count")
builder.add_edge("count", "write")
builder.add_edge("write", "close")
builder.add_edge("close", END)
graph = builder
