"""Where checkpoints are kept, and how one thread is held by one worker."""

from chains.checkpointers.custom import BadFactory, CustomCheckpointer
from chains.checkpointers.guarded import LockLost, SaverFailed, attentive
from chains.checkpointers.held import Backend, Held, Reading, ThreadBusy
from chains.checkpointers.locked import Checkpointer
from chains.checkpointers.memory import MemoryCheckpointer
from chains.checkpointers.places import BadPlace, Kind, Place
from chains.checkpointers.postgres import PostgresCheckpointer, PostgresElsewhere
from chains.checkpointers.seal_keys import BadKeys, Keys
from chains.checkpointers.sealing import Sealed
from chains.checkpointers.sqlite import AnotherWorker, SqliteCheckpointer

__all__ = [
    "AnotherWorker",
    "Backend",
    "BadFactory",
    "BadKeys",
    "BadPlace",
    "Checkpointer",
    "CustomCheckpointer",
    "Held",
    "Keys",
    "Kind",
    "LockLost",
    "MemoryCheckpointer",
    "Place",
    "PostgresCheckpointer",
    "PostgresElsewhere",
    "Reading",
    "SaverFailed",
    "Sealed",
    "SqliteCheckpointer",
    "ThreadBusy",
    "attentive",
]
