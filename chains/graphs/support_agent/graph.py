"""The agent: a model, three tools, and a review between the two."""

import functools
from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel

from chains.chat_models import OFFLINE, open_model
from chains.graphs.support_agent.options import Options, read_options, shop_file
from chains.graphs.support_agent.prompts import SYSTEM
from chains.graphs.support_agent.reviewing import review
from chains.graphs.support_agent.shop import Shop
from chains.graphs.support_agent.tools import tools_in
from chains.offline import OfflineAgent
from chains.registry import Builder, ChainContext


def build(context: ChainContext) -> Builder:
    """Raises BadOption at once; a model that cannot be opened raises when the agent first needs it."""
    opened = OfflineAgent if context.model == OFFLINE else functools.partial(open_model, context.model)
    return agent_of(functools.cache(opened), read_options(context.options))


def agent_of(model: Callable[[], BaseChatModel], options: Options) -> Builder:
    """The offline agent stands in until `model` is opened: pages build the graph too, and never call it."""
    agent = create_agent(
        OfflineAgent(),
        tools_in(lambda: Shop(shop_file(options))),
        system_prompt=SYSTEM,
        middleware=[review(), OpenedWhenNeeded(model)],
    )
    return agent.builder


class OpenedWhenNeeded(AgentMiddleware[Any, Any, Any]):
    """Gives the model that was asked for, and the messages without people's names, which some providers refuse."""

    def __init__(self, model: Callable[[], BaseChatModel]) -> None:
        super().__init__()
        self._model = model

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        nameless: list[Any] = [
            message.model_copy(update={"name": None}) if message.type == "human" else message
            for message in request.messages
        ]
        return handler(request.override(model=self._model(), messages=nameless))
