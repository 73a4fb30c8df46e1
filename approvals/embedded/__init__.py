"""PostgreSQL and a Redis-protocol server out of wheels, and the launcher that runs Holdpoint on them.

Nothing here knows Django's settings: they are read only after the servers' addresses are in the environment.
"""


class CannotRun(Exception):
    """Holdpoint, or a part of it, does not run; the message says why and what a person can do."""
