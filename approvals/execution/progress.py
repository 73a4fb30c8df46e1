"""What a run shows while it works, sent in batches to those who follow its thread.

Nobody waits for any of it, and none of it is kept: what a run has done is in its rows and its checkpoints. The last of
it is repeated, so that a page that comes late, or missed a batch, sees what is going on.
"""

import asyncio
import secrets
import threading
import time
from types import TracebackType
from typing import Any

from approvals import broadcasts, showing
from approvals.models import Thread
from approvals.schemaforms.names import humanised
from chains.progress import NodeEnded, NodeStarted, Path, Progress, Sign, Text

BATCH_SECONDS = 0.08
REPEAT_SECONDS = 2.0
# While there is less text than this, every batch has all of it.
LITTLE_TEXT = 2_000
MOST_TEXT = 16_000
MOST_TEXTS = 6
MOST_NODES = 20
MOST_BARS = 6
AT_WORK = "at_work"


class Feed:
    """Of one run. `tell` may be called from any thread and returns at once; a run that ends before the first batch is
    due sends none.
    """

    def __init__(self, thread: Thread) -> None:
        self._thread_id = str(thread.id)
        self._shown = Shown()
        self._lock = threading.Lock()
        self._stirred = asyncio.Event()
        self._is_stirred = False
        self._is_over = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> "Feed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stirred.set)

    def tell(self, sign: Sign) -> None:
        with self._lock:
            self._shown.add(sign)
            was_stirred, self._is_stirred = self._is_stirred, True
            if self._loop is None:
                self._loop = broadcasts.run_beside(self._send_batches)
            elif not was_stirred:
                self._loop.call_soon_threadsafe(self._stirred.set)

    async def _send_batches(self) -> None:
        """One on its way at a time: while Redis is slow the next one waits here, and grows no further than `Shown`."""
        group = broadcasts.progress_group(self._thread_id)
        await asyncio.sleep(BATCH_SECONDS)
        while not self._is_over:
            await broadcasts.send([group], self._batch())
            try:
                await asyncio.wait_for(self._stirred.wait(), REPEAT_SECONDS)
            except TimeoutError:
                continue
            self._stirred.clear()
            await asyncio.sleep(BATCH_SECONDS)

    def _batch(self) -> dict[str, Any]:
        with self._lock:
            self._is_stirred = False
            batch = self._shown.batch(time.monotonic())
        return {"type": "progress", "thread": self._thread_id, **batch}


class Shown:
    """What there is to see, and what of it is new: bounded, whatever a graph does. Characters that nobody would see
    have become marks.
    """

    def __init__(self) -> None:
        self._feed = secrets.token_hex(8)
        self._number = 0
        self._nodes: dict[str, dict[str, Any]] = {}
        self._bars: dict[tuple[Path, str], dict[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._writers: dict[str, str] = {}
        self._fresh: dict[str, str] = {}
        self._size = self._fresh_size = 0
        self._is_whole_due = True
        self._whole_at = 0.0

    def add(self, sign: Sign) -> None:
        match sign:
            case NodeStarted():
                self._nodes[sign.task_id] = {"name": _title(sign.path), "is": AT_WORK}
                self._forget_oldest_node()
            case NodeEnded():
                if sign.task_id in self._nodes:
                    self._nodes[sign.task_id]["is"] = sign.ending.value
                self._bars = {key: bar for key, bar in self._bars.items() if key[0][: len(sign.path)] != sign.path}
            case Progress():
                bar = {"label": showing.plain(sign.label) or _title(sign.path), "done": sign.done, "total": sign.total}
                self._bars[sign.path, sign.label] = bar
                self._bars = dict(list(self._bars.items())[-MOST_BARS:])
            case Text():
                self._write(sign.message_id, _title(sign.path), showing.plain(sign.text.replace("\r\n", "\n")))

    def batch(self, now: float) -> dict[str, Any]:
        """All of it when that is little or due again, else what is new of the text; nodes and bars are always all."""
        is_whole = self._is_whole_due or self._size <= LITTLE_TEXT or now - self._whole_at >= REPEAT_SECONDS
        texts = self._texts if is_whole else self._fresh
        if is_whole:
            self._is_whole_due, self._whole_at = False, now
        self._number += 1
        batch = {
            "feed": self._feed,
            "number": self._number,
            "whole": is_whole,
            "nodes": [dict(node) for node in self._nodes.values()],
            "bars": [dict(bar) for bar in self._bars.values()],
            "texts": [{"id": key, "node": self._writers[key], "text": text} for key, text in texts.items()],
        }
        self._fresh, self._fresh_size = {}, 0
        return batch

    def _write(self, key: str, writer: str, text: str) -> None:
        self._texts[key] = self._texts.get(key, "") + text
        self._writers[key] = writer
        self._fresh[key] = self._fresh.get(key, "") + text
        self._size += len(text)
        self._fresh_size += len(text)
        if self._fresh_size > MOST_TEXT:
            self._fresh, self._fresh_size, self._is_whole_due = {}, 0, True
        while len(self._texts) > MOST_TEXTS or self._size > 2 * MOST_TEXT:
            self._forget_oldest_text()

    def _forget_oldest_text(self) -> None:
        """The last one loses its beginning only."""
        key, text = next(iter(self._texts.items()))
        if len(self._texts) > 1:
            del self._texts[key], self._writers[key]
            self._fresh.pop(key, None)
            kept = 0
        else:
            self._texts[key] = "…" + text[1 - MOST_TEXT :]
            kept = MOST_TEXT
        self._size += kept - len(text)

    def _forget_oldest_node(self) -> None:
        """One that has ended, if there is one."""
        if len(self._nodes) > MOST_NODES:
            ended = (task for task, node in self._nodes.items() if node["is"] != AT_WORK)
            del self._nodes[next(ended, next(iter(self._nodes)))]


def _title(path: Path) -> str:
    return showing.plain(" › ".join(humanised(name) for name in path))
