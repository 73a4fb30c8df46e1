"""Chains by name: from import paths and langgraph.json to graphs on any saver. Names are append-only."""

from chains.registry.chain import BrokenChain, Builder, Chain, ChainContext, Facts, Graph, UnknownChain
from chains.registry.files import BadLanggraphJson, LanggraphJson, Place, read_langgraph_json
from chains.registry.loading import load_chain
from chains.registry.names import Registry

__all__ = [
    "BadLanggraphJson",
    "BrokenChain",
    "Builder",
    "Chain",
    "ChainContext",
    "Facts",
    "Graph",
    "LanggraphJson",
    "Place",
    "Registry",
    "UnknownChain",
    "load_chain",
    "read_langgraph_json",
]
