"""Where checkpoints are kept, and how one thread is held by one worker."""

from chains.checkpointers.held import Backend, Held, ThreadBusy
from chains.checkpointers.postgres import PostgresCheckpointer

__all__ = ["Backend", "Held", "PostgresCheckpointer", "ThreadBusy"]
