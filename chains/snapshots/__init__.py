"""State and history of a thread as plain dataclasses: what pages show. Reads checkpoints, never writes one."""

from chains.snapshots.differences import Change, ChangeKind, changes, differences
from chains.snapshots.failures import NodeFailure, node_failures
from chains.snapshots.history import Step, steps
from chains.snapshots.lanes import Lane, lanes
from chains.snapshots.messages import Message, ToolCall
from chains.snapshots.paths import Path, path
from chains.snapshots.records import NoCheckpoints
from chains.snapshots.states import Channel, State, state_at
from chains.snapshots.tasks import Task
from chains.snapshots.usage import Usage
from chains.snapshots.words import words

__all__ = [
    "Change",
    "ChangeKind",
    "Channel",
    "Lane",
    "Message",
    "NoCheckpoints",
    "NodeFailure",
    "Path",
    "State",
    "Step",
    "Task",
    "ToolCall",
    "Usage",
    "changes",
    "differences",
    "lanes",
    "node_failures",
    "path",
    "state_at",
    "steps",
    "words",
]
