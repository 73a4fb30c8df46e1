"""Checkpoints without the bulk of their values: what the steps and the path need, whatever the size of the state.

A state is stored once for each version of a channel, and LangGraph's list sends it again with every checkpoint: a page
of fifty steps of a 5 MB state would be 250 MB. Only PostgreSQL's saver can be asked for less; others are read whole.
"""

import copy
from typing import Any, LiteralString

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver

from chains.checkpointers.sealing import Sealed

# A channel some chains keep: what each step used.
USAGE = "step_metadata"
# Its columns are those of PostgresSaver.SELECT_SQL, so that the saver itself reads the rows. 2,048 bytes are small.
LEAN_SQL: LiteralString = """
select thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata,
    jsonb_set(checkpoint, '{channel_values}', (
        select coalesce(jsonb_object_agg(key, value), '{}'::jsonb)
        from jsonb_each(checkpoint -> 'channel_values') where octet_length(value::text) <= 2048
    )) as checkpoint,
    (
        select array_agg(array[bl.channel::bytea, bl.type::bytea, bl.blob])
        from jsonb_each_text(checkpoint -> 'channel_versions') as newest
        join checkpoint_blobs as bl on bl.thread_id = checkpoints.thread_id
            and bl.checkpoint_ns = checkpoints.checkpoint_ns
            and bl.channel = newest.key and bl.version = newest.value
        where octet_length(bl.blob) <= 2048 or bl.channel = '__pregel_tasks'
            or (bl.channel = 'step_metadata' and octet_length(bl.blob) <= 65536)
    ) as channel_values,
    (
        select array_agg(array[
            cw.task_id::text::bytea, cw.channel::bytea,
            case when lean then 'null'::bytea else cw.type::bytea end,
            case when lean then ''::bytea else cw.blob end,
            convert_to(cw.task_path, 'UTF8'), cw.idx::text::bytea
        ])
        from checkpoint_writes as cw, lateral (
            select octet_length(cw.blob) > 2048
                and cw.channel not in ('__pregel_tasks', '__interrupt__', '__error__') as lean
        ) as bulk
        where cw.thread_id = checkpoints.thread_id
            and cw.checkpoint_ns = checkpoints.checkpoint_ns
            and cw.checkpoint_id = checkpoints.checkpoint_id
    ) as pending_writes
from checkpoints """


def lean(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """The same saver on the same connection, under the same lock, whose list() leaves long values out."""
    if not isinstance(saver, PostgresSaver):
        return saver
    found = copy.copy(saver)
    found.SELECT_SQL = LEAN_SQL
    if isinstance(found.serde, Sealed):
        found.serde = found.serde.lean()
    return found
