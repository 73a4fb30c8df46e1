"""Savers that seal what LangGraph's would write in the clear: plain values of the state, and metadata with content."""

import base64
import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg import Connection
from psycopg.rows import DictRow

from chains.checkpointers.sealing import NotSealed, Plain, SealBroken, Sealed, in_thread
from chains.marks import FROM_KEY, RUN_KEY

# Metadata that stays readable: ids and counters that LangGraph, its pruning and Holdpoint look for. All else is sealed.
READABLE = {
    "source",
    "step",
    "parents",
    "run_id",
    "counters_since_delta_snapshot",
    "delta_writes_versioned",
    RUN_KEY,
    FROM_KEY,
}
# Where the rest is, in the metadata: the type and the base64 of the sealed bytes, with a space between.
SEALED_KEY = "holdpoint_sealed"


class SealingSaver(BaseCheckpointSaver[str]):
    """Put in front of a saver whose serde is a Sealed: seals metadata, and binds all it stores to its thread."""

    @property
    def seal(self) -> Sealed:
        if not isinstance(self.serde, Sealed):
            raise TypeError("A saver that seals needs a Sealed serde.")
        return self.serde

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        with in_thread(_thread_id(config)):
            facts = seal_metadata(self.seal, get_serializable_checkpoint_metadata(config, metadata))
            return super().put(_only_place(config), checkpoint, facts, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with in_thread(_thread_id(config)):
            super().put_writes(config, writes, task_id, task_path)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        with in_thread(_thread_id(config)):
            found = super().get_tuple(config)
            return self._opened(found) if found else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """What the filter asks of sealed metadata is looked for here, since the database cannot."""
        wanted = filter or {}
        hidden = {key: value for key, value in wanted.items() if key not in READABLE}
        readable = {key: value for key, value in wanted.items() if key in READABLE}
        rows = super().list(config, filter=readable or None, before=before, limit=None if hidden else limit)
        found = (row for row in self._each(rows, config) if _has(row.metadata, hidden))
        return itertools.islice(found, limit)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        with in_thread(_thread_id(config)):
            return super().get_delta_channel_history(config=config, channels=channels)

    def _each(self, rows: Iterator[CheckpointTuple], config: RunnableConfig | None) -> Iterator[CheckpointTuple]:
        """Bound to the thread while a row is read, not while the caller has it; of all threads at once, to none."""
        while True:
            with in_thread(_thread_id(config)) if config else contextlib.nullcontext():
                found = next(rows, None)
                if found is None:
                    return
                opened = self._opened(found)
            yield opened

    def _opened(self, found: CheckpointTuple) -> CheckpointTuple:
        return found._replace(metadata=cast(CheckpointMetadata, open_metadata(self.seal, found.metadata)))


class SealedPostgresSaver(SealingSaver, PostgresSaver):
    """Where LangGraph's would keep None, texts, numbers and booleans of the state as JSON, this one has sealed blobs,
    written once for each version like all other values.
    """

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        values = {name: Plain(value) if is_inline(value) else value for name, value in _values(checkpoint).items()}
        return super().put(config, {**checkpoint, "channel_values": values}, metadata, new_versions)

    def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        """A value in the JSON would be taken as it stands. LangGraph marks a snapshot in a blob with a true there."""
        blobs = {bytes(name).decode() for name, _, _ in value["channel_values"] or ()}
        for name, inline in _values(value["checkpoint"]).items():
            if inline is not True or not (name in blobs or self.seal.leaves_out):
                raise NotSealed
        return super()._load_checkpoint_tuple(value)

    def _build_delta_channels_writes_history(
        self, *, seed_inline_by_ch: Mapping[str, Any], **parts: Any
    ) -> dict[str, DeltaChannelHistory]:
        if seed_inline_by_ch:
            raise NotSealed
        return super()._build_delta_channels_writes_history(seed_inline_by_ch=seed_inline_by_ch, **parts)


class SealedSqliteSaver(SealingSaver, SqliteSaver):
    """LangGraph's seals the whole checkpoint through the serde already."""


def postgres_saver(conn: "Connection[DictRow]", serde: SerializerProtocol | None) -> PostgresSaver:
    """One that seals if its serde does."""
    return (SealedPostgresSaver if isinstance(serde, Sealed) else PostgresSaver)(conn, serde=serde)


def sqlite_saver(conn: sqlite3.Connection, serde: SerializerProtocol | None) -> SqliteSaver:
    """One that seals if its serde does."""
    return (SealedSqliteSaver if isinstance(serde, Sealed) else SqliteSaver)(conn, serde=serde)


def is_inline(value: Any) -> bool:
    """Whether PostgresSaver keeps such a value as JSON."""
    return value is None or isinstance(value, (str, int, float, bool))


def seal_metadata(seal: Sealed, metadata: Mapping[str, Any]) -> CheckpointMetadata:
    readable = {key: value for key, value in metadata.items() if key in READABLE}
    hidden = {key: value for key, value in metadata.items() if key not in READABLE}
    if hidden:
        tag, sealed = seal.dumps_typed(hidden)
        readable[SEALED_KEY] = f"{tag} {base64.b64encode(sealed).decode()}"
    return cast(CheckpointMetadata, readable)


def open_metadata(seal: Sealed, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Raises NotSealed, UnknownKey or SealBroken."""
    if metadata.keys() - READABLE - {SEALED_KEY}:
        raise NotSealed
    readable = {key: value for key, value in metadata.items() if key in READABLE}
    hidden = seal.loads_typed(split_metadata(metadata)) if SEALED_KEY in metadata else {}
    return {**readable, **hidden}


def split_metadata(metadata: Mapping[str, Any]) -> tuple[str, bytes]:
    """The type and bytes of what is sealed in metadata. Raises SealBroken."""
    tag, _, written = str(metadata[SEALED_KEY]).partition(" ")
    try:
        return tag, base64.b64decode(written, validate=True)
    except ValueError:
        raise SealBroken from None


def _has(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in metadata and metadata[key] == value for key, value in wanted.items())


def _values(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    return checkpoint.get("channel_values") or {}


def _thread_id(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _only_place(config: RunnableConfig) -> RunnableConfig:
    """Savers add whatever else a config says to the metadata, which has been sealed by now."""
    place = {"thread_id", "checkpoint_ns", "checkpoint_id"}
    return {"configurable": {key: value for key, value in config["configurable"].items() if key in place}}
