"""A TCP proxy that loses, holds back or swallows what passes through it, when it is told to."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from urllib.parse import urlsplit

# Closing sends RST instead of FIN: the other side loses what it has not read yet.
ABRUPTLY = struct.pack("ii", 1, 0)
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
CHUNK = 65_536


class CutAt(StrEnum):
    """Where a connection breaks around its COMMIT. Whoever sent it cannot tell these apart."""

    UNSENT = "before the server has it"
    SENT = "when the server has it, perhaps unread"
    ANSWERED = "when the server has done it and said so"


class Link:
    """One connection through the proxy, both halves."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.is_swallowed = False
        self.left: int | None = None
        self.cut_at: CutAt | None = None
        self.is_committing = False

    def cut(self) -> None:
        for writer in self.writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)
            writer.transport.abort()


class Proxy:
    """Call from any thread. `url` is the target's with the proxy in its place."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname, target.port)
        self._links: set[Link] = set()
        self._watched: dict[bytes, CutAt] = {}
        self._delay = 0.0
        self._swallows = False
        self._trap = b""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        port = server.result().sockets[0].getsockname()[1]
        self.url = url.replace(f":{target.port}/", f":{port}/")

    def cut(self) -> None:
        """Break every connection there is."""
        self._do(self._cut)

    def cut_after(self, count: int) -> None:
        """Break each connection after this many more bytes, in whatever message that is."""
        self._do(lambda: self._limit(count))

    def hold_back(self, seconds: float) -> None:
        """Everything arrives that much later; 0 ends it."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def swallow(self) -> None:
        """Connections stay open, and those to come open, and nothing arrives any more: the other side vanished."""

        self._do(lambda: self._swallow())

    def swallow_after(self, mark: bytes) -> None:
        """The same, as soon as these bytes have been handed on: whoever sent them vanishes in what they began."""
        self._do(lambda: setattr(self, "_trap", mark))

    @property
    def is_swallowing(self) -> bool:
        return self._swallows

    def heal(self) -> None:
        """New connections work again. Swallowed ones stay as they are until somebody gives up on them."""
        self._do(self._heal)

    def cut_commit(self, mark: bytes, at: CutAt) -> None:
        """Break the connection that sends these bytes, around its next COMMIT."""
        self._do(lambda: self._watched.__setitem__(mark, at))

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _cut(self) -> None:
        for link in self._links:
            link.cut()

    def _limit(self, count: int) -> None:
        for link in self._links:
            link.left = count

    def _swallow(self) -> None:
        self._swallows, self._trap = True, b""
        for link in self._links:
            link.is_swallowed = True

    def _heal(self) -> None:
        self._swallows, self._trap, self._delay = False, b"", 0.0

    def _do(self, act: Callable[[], object]) -> None:
        async def acted() -> None:
            act()

        asyncio.run_coroutine_threadsafe(acted(), self._loop).result()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up, down = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, down)
        link.is_swallowed = self._swallows
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(link, reader, down, self._sent), self._pump(link, up, writer, _answered))
        finally:
            self._links.discard(link)

    async def _pump(
        self,
        link: Link,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        passes: Callable[[Link, bytes], bool],
    ) -> None:
        """Until the source ends; then the target's end is closed, too, unless nobody may notice."""
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await asyncio.sleep(self._delay)
                if link.is_swallowed:
                    continue
                if not passes(link, data):
                    break
                await self._hand_on(link, data, target)
                if self._trap and self._trap in data:
                    self._swallow()
        if not link.is_swallowed:
            target.close()

    async def _hand_on(self, link: Link, data: bytes, target: asyncio.StreamWriter) -> None:
        if link.left is not None:
            data, link.left = data[: link.left], max(0, link.left - len(data))
        target.write(data)
        await target.drain()
        if link.left == 0 or (link.is_committing and link.cut_at is CutAt.SENT):
            link.cut()

    def _sent(self, link: Link, data: bytes) -> bool:
        """False: it was not handed on, and the connection is broken."""
        for mark in [mark for mark in self._watched if mark in data]:
            link.cut_at = self._watched.pop(mark)
        link.is_committing = link.cut_at is not None and COMMIT in data
        if link.is_committing and link.cut_at is CutAt.UNSENT:
            link.cut()
            return False
        return True


def _answered(link: Link, data: bytes) -> bool:
    if link.is_committing and link.cut_at is CutAt.ANSWERED:
        link.cut()
        return False
    return True
