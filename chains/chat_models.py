"""A chat model by name: "offline", or "provider:model" of any provider whose LangChain package is installed."""

import re
from types import MappingProxyType
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from chains.offline import OfflineModel

OFFLINE = "offline"
TIMEOUT_SECONDS = 60.0
MAX_RETRIES = 2

# The extras of pyproject.toml.
EXTRAS = frozenset({"anthropic", "openai", "ollama"})
KEYS = MappingProxyType({"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"})
# Providers whose models run on the owner's own machine.
FREE = frozenset({OFFLINE, "ollama"})

_LIMITS: dict[str, Any] = {"timeout": TIMEOUT_SECONDS, "max_retries": MAX_RETRIES}
# ChatOllama ignores timeout and max_retries; its HTTP client takes the first and knows no retries.
# ChatOpenAI asks servers other than OpenAI's own for no token counts when it streams, and runs stream.
_OPTIONS: dict[str, dict[str, Any]] = {
    "ollama": {"client_kwargs": {"timeout": TIMEOUT_SECONDS}},
    "openai": {**_LIMITS, "stream_usage": True},
}

# US dollars for a million tokens, (in, out), without discounts for caches and batches.
# Anthropic's are from platform.claude.com/docs/en/about-claude/pricing; OpenAI's from copies of its price page made by
# others. Both of spring 2026. Prices change; a model that is not listed costs "unknown", never zero.
PRICES = MappingProxyType(
    {
        "anthropic:claude-opus-4-6": (5.00, 25.00),
        "anthropic:claude-opus-4-5": (5.00, 25.00),
        "anthropic:claude-opus-4-1": (15.00, 75.00),
        "anthropic:claude-sonnet-4-6": (3.00, 15.00),
        "anthropic:claude-sonnet-4-5": (3.00, 15.00),
        "anthropic:claude-haiku-4-5": (1.00, 5.00),
        "openai:gpt-5.4": (2.50, 15.00),
        "openai:gpt-5.1": (1.25, 10.00),
        "openai:gpt-5": (1.25, 10.00),
        "openai:gpt-5-mini": (0.25, 2.00),
        "openai:gpt-5-nano": (0.05, 0.40),
        "openai:gpt-4.1": (2.00, 8.00),
        "openai:gpt-4.1-mini": (0.40, 1.60),
        "openai:gpt-4.1-nano": (0.10, 0.40),
        "openai:gpt-4o": (2.50, 10.00),
        "openai:gpt-4o-mini": (0.15, 0.60),
    }
)
# A release of a listed model: claude-haiku-4-5-20251001, gpt-5-mini-2025-08-07.
# Anything else after a listed name makes another model, with another price.
_RELEASE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


class UnknownModel(ValueError):
    """The name is not one of a chat model."""


class MissingProvider(ValueError):
    """The provider's LangChain package is not installed."""


class ModelNotReady(ValueError):
    """The provider refuses to open the model, mostly for want of a key."""


def open_model(name: str) -> BaseChatModel:
    """Nothing is sent yet: a wrong key or an unknown model shows at the first call."""
    if name == OFFLINE:
        return OfflineModel()
    provider, model = _split(name)
    options = _OPTIONS.get(provider, _LIMITS)
    try:
        opened: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        raise MissingProvider(_how_to_install(name, provider)) from error
    except Exception as error:
        raise _not_opened(name, provider, error) from error
    return opened


def model_label(name: str) -> str:
    """How a page names the model."""
    return "Offline rules (no model)" if name == OFFLINE else name.partition(":")[2] or name


def price(name: str, *, tokens_in: int | None, tokens_out: int | None) -> float | None:
    """US dollars, or None when the tokens or the model's price are not known."""
    if name.partition(":")[0] in FREE:
        return 0.0
    rates = PRICES.get(_RELEASE.sub("", name))
    if rates is None or tokens_in is None or tokens_out is None:
        return None
    return round((tokens_in * rates[0] + tokens_out * rates[1]) / 1_000_000, 8)


def _split(name: str) -> tuple[str, str]:
    provider, _, model = name.partition(":")
    if not provider.strip() or not model.strip():
        raise UnknownModel(
            f"{name!r} names no chat model. Set HOLDPOINT_MODEL to offline or to provider:model, for example "
            f"anthropic:claude-haiku-4-5, and restart."
        )
    return provider.strip().lower(), model.strip()


def _how_to_install(name: str, provider: str) -> str:
    if provider not in EXTRAS:
        return f"The model {name} needs LangChain's package for {provider}. Install it beside Holdpoint and restart."
    return (
        f'The model {name} needs the package langchain-{provider}: pip install "holdpoint[{provider}]", then restart. '
        f"With run.py, set HOLDPOINT_MODEL={name} and restart."
    )


def _not_opened(name: str, provider: str, error: Exception) -> ValueError:
    """Providers raise what they like here; the sentence repeats none of it, since it may hold part of a key."""
    if isinstance(error, ValueError) and "Unsupported provider" in str(error):
        return UnknownModel(
            f"No provider is called {provider!r}. Set HOLDPOINT_MODEL to offline or to provider:model, for example "
            f"anthropic:claude-haiku-4-5, and restart."
        )
    remedy = f"Set {KEYS[provider]}" if provider in KEYS else f"Check the settings {provider} wants, mostly its key,"
    return ModelNotReady(f"The model {name} could not be opened ({type(error).__name__}). {remedy} and restart.")
