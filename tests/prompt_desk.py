"""A thread of prompt_chain, and a reviewer who answers it as Holdpoint would."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from chains.asking import Verdict
from chains.canonical import digest
from chains.graphs.prompt_chain import chain
from chains.graphs.prompt_chain.calls import Model
from chains.graphs.prompt_chain.graph import graph_of
from chains.graphs.prompt_chain.options import read_options
from chains.offline import OfflineModel
from chains.questions import Reply, build_answer, read_question
from chains.registry import Facts

MARTA = "My name is Marta Nowak. Please refund €40.00 for order ORD-48213."
HARD = "My lawyer wants a refund of €4,000.00 for order ORD-48213, cancel it and send the invoice again."


class Recording(OfflineModel):
    """Keeps what it was asked, and answers with `scripted` first."""

    asked: list[list[BaseMessage]] = []
    scripted: list[str] = []

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.asked.append(messages)
        if self.scripted:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(self.scripted.pop(0)))])
        return super()._generate(messages, *args, **kwargs)


class Desk:
    """`options` are the chain's; `model` answers under the name `called`."""

    def __init__(
        self, *, model: BaseChatModel | None = None, called: str = "offline", saver: Any = None, **options: Any
    ) -> None:
        self.recording = Recording()
        self.model = Model(name=called, open=lambda: model or self.recording)
        self.saver = saver or InMemorySaver()
        self.config: Any = {"configurable": {"thread_id": "t", "__pregel_strict_resume": True}}
        self.deploy(**options)

    def deploy(self, **options: Any) -> None:
        self.graph = graph_of(self.model, read_options(options)).compile(checkpointer=self.saver)

    def ask(self, request: str, *, by: str = "Priya Sen") -> dict[str, Any]:
        return self._start(chain.start, request, by)

    def ask_again(self, request: str, *, by: str = "Priya Sen") -> dict[str, Any]:
        return self._start(chain.next_turn, request, by)

    def answer(self, verdict: Verdict, *, update: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        question = read_question(self.question, None, node="review")
        reply = Reply(verdict, **given)
        value = build_answer(question, [reply], payload_sha256=digest(self.question), reviewer="Nadia Brandt")
        return self.run(Command(resume={self.pending_id: value}, update=update))

    def run(self, step: Any) -> dict[str, Any]:
        return dict(self.graph.invoke(step, self.config, durability="sync"))

    @property
    def calls(self) -> int:
        return len(self.recording.asked)

    @property
    def question(self) -> dict[str, Any]:
        (pending,) = self.graph.get_state(self.config).interrupts
        return dict(pending.value)

    @property
    def pending_id(self) -> str:
        (pending,) = self.graph.get_state(self.config).interrupts
        return pending.id

    @property
    def is_waiting(self) -> bool:
        return bool(self.graph.get_state(self.config).interrupts)

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.graph.get_state(self.config).values)

    def _start(self, begin: Any, request: str, by: str) -> dict[str, Any]:
        return self.run(begin({"request": request}, Facts(thread_id="t", user_id="7", user_name=by)))
