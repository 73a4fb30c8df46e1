"""A chat model made of rules: no network, no key, the same answer each time. It knows what it is and says so."""

from chains.offline.model import OfflineModel

__all__ = ["OfflineModel"]
