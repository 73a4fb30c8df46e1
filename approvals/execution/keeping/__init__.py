"""Keeping checkpoints for years: how much there is, what is old, where it goes, and whether all can be read."""

from approvals.execution.keeping.archiving import Archived, BadArchive, archive, archive_and_remove
from approvals.execution.keeping.choosing import FINISHED, PRUNABLE, Wanted, eligible
from approvals.execution.keeping.measuring import Status, status
from approvals.execution.keeping.removing import CannotRemove, How, Tally, complete, remove, require_able, require_here
from approvals.execution.keeping.returning import CannotReturn, bring_back, in_archive
from approvals.execution.keeping.stepping import Pace, Place, prune, turns
from approvals.execution.keeping.told import retention_problem, retention_told
from approvals.execution.keeping.verifying import Elsewhere, Trouble, threads_to_verify, verify

__all__ = [
    "FINISHED",
    "PRUNABLE",
    "Archived",
    "BadArchive",
    "CannotRemove",
    "CannotReturn",
    "Elsewhere",
    "How",
    "Pace",
    "Place",
    "Status",
    "Tally",
    "Trouble",
    "Wanted",
    "archive",
    "archive_and_remove",
    "bring_back",
    "complete",
    "eligible",
    "in_archive",
    "prune",
    "remove",
    "require_able",
    "require_here",
    "retention_problem",
    "retention_told",
    "status",
    "threads_to_verify",
    "turns",
    "verify",
]
