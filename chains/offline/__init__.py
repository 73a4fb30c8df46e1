"""Chat models made of rules: no network, no key, the same answer each time. They know what they are and say so."""

from chains.offline.agent import OfflineAgent
from chains.offline.model import OfflineModel

__all__ = ["OfflineAgent", "OfflineModel"]
