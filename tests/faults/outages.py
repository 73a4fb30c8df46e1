"""Taking a site's own servers away, and bringing them back on the same port and data."""

import os
import signal
from pathlib import Path
from typing import cast

from approvals.embedded import postgres, valkey
from approvals.embedded.processes import Account, Server, kill, spawn
from tests.faults.site import Site


def crash_database(site: Site) -> None:
    """What `pg_ctl stop -m immediate` does: no checkpoint, no goodbye; the next start recovers from the log."""
    process = site.database.child.process
    process.send_signal(signal.SIGQUIT)
    process.wait(30)


def start_database(site: Site) -> None:
    """Returns when it takes connections. Call from the main thread: the server dies with the one that started it."""
    old = site.database.child
    command = cast(list[str], old.process.args)
    data = Path(command[command.index("-D") + 1])
    owner = data.stat()
    child = spawn(
        old.name,
        command,
        log=old.log,
        stop_signal=old.stop_signal,
        orphan_signal=signal.SIGINT,
        patience=old.patience,
        account=Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None,
        directory=data.parent,
    )
    site.database = Server(child, site.database.url)
    postgres.wait_until_ready(site.database)


def crash_redis(site: Site) -> None:
    kill(site.redis.child)


def start_redis(site: Site) -> None:
    """With whatever its append-only file still holds. Call from the main thread."""
    old = site.redis.child
    command = cast(list[str], old.process.args)
    child = spawn(old.name, command, log=old.log, orphan_signal=signal.SIGTERM, directory=Path(command[1]).parent)
    site.redis = Server(child, site.redis.url)
    valkey.wait_until_ready(site.redis)
