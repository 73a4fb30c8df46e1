"""Sealing again what a thread has saved: what every database has in common."""

from dataclasses import dataclass
from typing import Any

from chains.checkpointers.sealed import READABLE, SEALED_KEY, open_metadata, seal_metadata, split_metadata
from chains.checkpointers.sealing import MARK, NotSealed, SealBroken, Sealed, SealError

Stored = tuple[str, bytes]


class CannotReseal(TypeError):
    """This saver's checkpoints are not ours to rewrite."""


class WouldBeLost(SealError):
    """A value that is saved in the clear has no place where it could be kept sealed."""


@dataclass
class Again:
    """Counts the rows it has checked. With `plain_too`, what is not sealed is taken for the thread's own."""

    seal: Sealed
    thread_id: str
    plain_too: bool
    rows: int = 0

    def opened(self, tag: str | None, blob: bytes | None) -> Stored:
        if self.plain_too and not (tag or "").startswith(MARK):
            return str(tag), bytes(blob or b"")
        return self.seal.open(tag, blob)

    def require_same(self, stored: Stored, expected: Stored) -> None:
        self.rows += 1
        if self.seal.open(*stored) != expected:
            raise SealBroken

    def opened_metadata(self, metadata: dict[str, Any]) -> dict[str, Any] | None:
        """All of it, open; None when it is as it should be already."""
        loose = {key: value for key, value in metadata.items() if key not in READABLE and key != SEALED_KEY}
        if loose and not self.plain_too:
            raise NotSealed
        if not loose and (SEALED_KEY not in metadata or split_metadata(metadata)[0] == self.seal.tag):
            return None
        rest = {key: value for key, value in metadata.items() if key not in loose}
        return {**loose, **open_metadata(self.seal, rest)}

    def sealed_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        return dict(seal_metadata(self.seal, metadata))

    def require_same_metadata(self, stored: dict[str, Any], expected: dict[str, Any]) -> None:
        self.rows += 1
        if open_metadata(self.seal, stored) != expected:
            raise SealBroken
