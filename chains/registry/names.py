"""Registry: the chains of an installation by name, those that work and those that do not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from chains.registry.chain import BrokenChain, Builder, Chain, ChainContext, Graph, UnknownChain
from chains.registry.compiling import on_saver, refuse_unfit
from chains.registry.files import LanggraphJson, Place
from chains.registry.loading import load_chain, reason


class Registry:
    """Each chain is imported once and what it builds is kept, so that compiling on a saver stays cheap."""

    def __init__(
        self, paths: Mapping[str, str], contexts: Mapping[str, ChainContext], *, file: LanggraphJson | None = None
    ) -> None:
        self._contexts = contexts
        self._chains: dict[str, Chain] = {}
        self._builders: dict[str, Builder | Graph] = {}
        self.broken: dict[str, BrokenChain] = {}
        if file is not None:
            file.prepare()
        for name, place in _places(paths, file).items():
            try:
                _refuse_doubled(name, paths, file)
                self._chains[name] = load_chain(name, place)
            except BrokenChain as error:
                self.broken[name] = error

    def names(self) -> list[str]:
        """The chains that can be used; one that is broken does not keep the others from working."""
        return list(self._chains)

    def get(self, name: str) -> Chain:
        """Raises UnknownChain, or BrokenChain with what is wrong."""
        if name in self.broken:
            raise self.broken[name]
        if name not in self._chains:
            known = ", ".join(self._chains) or "none"
            raise UnknownChain(f"No chain is called {name!r}. Registered: {known}.")
        return self._chains[name]

    def context(self, name: str) -> ChainContext:
        """What the chain is built with; a model that the chain itself names comes first."""
        context = self._contexts.get(name, ChainContext())
        chain = self._chains.get(name)
        return replace(context, model=chain.model) if chain and chain.model else context

    def compile(
        self,
        name: str,
        checkpointer: BaseCheckpointSaver[Any] | None = None,
        *,
        context: ChainContext | None = None,
    ) -> Graph:
        """The chain's graph on a saver; with a `context` of its own, built for this once. Raises BrokenChain."""
        chain = self.get(name)
        if context is not None:
            return _on_saver(chain, _build(chain, context), checkpointer)
        if name not in self._builders:
            self._builders[name] = _build(chain, self.context(name))
        return _on_saver(chain, self._builders[name], checkpointer)


def _places(paths: Mapping[str, str], file: LanggraphJson | None) -> dict[str, Place]:
    places = {name: Place(path) for name, path in paths.items()}
    return {**places, **(file.graphs if file else {})}


def _refuse_doubled(name: str, paths: Mapping[str, str], file: LanggraphJson | None) -> None:
    if file is None or name not in file.graphs:
        return
    if name in file.doubled:
        raise BrokenChain(f"Chain {name!r} stands in {file.file} twice. Give each graph a name of its own.")
    if name in paths:
        raise BrokenChain(f"Chain {name!r} stands in HOLDPOINT_CHAINS and in {file.file}. Rename one of the two.")


def _build(chain: Chain, context: ChainContext) -> Builder | Graph:
    """Raises BrokenChain for whatever the author's code raises."""
    try:
        made = chain.build(context)
    except Exception as error:
        raise BrokenChain(f"Chain {chain.name!r} cannot be built: {reason(error)}.") from error
    refuse_unfit(_on_saver(chain, made, None), chain.name)
    return made


def _on_saver(chain: Chain, made: Builder | Graph, saver: BaseCheckpointSaver[Any] | None) -> Graph:
    try:
        return on_saver(made, chain.name, saver)
    except Exception as error:  # the author's graph is checked here for the first time
        raise BrokenChain(f"Chain {chain.name!r} does not compile: {reason(error)}.") from error
