"""`python -m tests.faults [--short] [name ...]`: cause the faults, print the table, exit 1 on any violation."""

import argparse
import random
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import django
from django.core.management import call_command

from tests.faults.report import Campaign, CannotCause, Tally, shown, table
from tests.faults.site import Site, open_site

# Each has CAMPAIGNS, a tuple of Campaign. They import Django's models, so they are loaded once the site is open.
MODULES: tuple[str, ...] = (
    "kill_points",
    "mutants",
    "doubled",
    "doorbells",
    "seen_changed",
    "decision_races",
    "revoke_races",
    "undo_races",
    "unknown_commits",
    "clocks",
    "full_disk",
    "lossy_network",
    "limit_races",
    "worker_kills",
    "frozen_workers",
    "database_restarts",
    "redis_outages",
)


def main() -> int:
    asked = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="holdpoint-faults-") as name,
        open_site(Path(name), short=asked.short) as site,
    ):
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("checkpoints", "setup", verbosity=0)
        campaigns = [found for module in MODULES for found in import_module(f"tests.faults.{module}").CAMPAIGNS]
        rows = [row for row in (_run(campaign, asked, site) for campaign in _chosen(campaigns, asked.names)) if row]
    print(f"\n{table(rows)}\n")
    violations = sum(len(tally.violations) for _, tally in rows)
    print(f"{violations} violations")
    return 1 if violations else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the part that the tests run")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run that found something")
    parser.add_argument("--trials", type=int, default=None, help="instead of each campaign's own number")
    parser.add_argument("names", nargs="*", help="campaigns to run; all without")
    found = parser.parse_args()
    found.seed = random.SystemRandom().randrange(2**32) if found.seed is None else found.seed
    return found


def _chosen(campaigns: list[Campaign], names: list[str]) -> list[Campaign]:
    unknown = sorted(set(names) - {campaign.name for campaign in campaigns})
    if unknown:
        known = ", ".join(campaign.name for campaign in campaigns)
        sys.exit(f"There is no such campaign: {', '.join(unknown)}. There are: {known}.")
    return [campaign for campaign in campaigns if not names or campaign.name in names]


def _run(campaign: Campaign, asked: argparse.Namespace, site: Site) -> tuple[Campaign, Tally] | None:
    trials = asked.trials or (campaign.short if asked.short else campaign.full)
    if not trials:
        print(f"{campaign.name}: only in the full campaign", flush=True)
        return None
    print(f"{campaign.name}: {trials:,} trials, seed {asked.seed}", flush=True)
    began = time.monotonic()
    try:
        tally = campaign.run(trials, random.Random(f"{asked.seed} {campaign.name}"), site)
    except CannotCause as reason:
        print(f"{campaign.name}: left out. {reason}", flush=True)
        return None
    print(f"{campaign.name}: {len(tally.violations)} violations, {time.monotonic() - began:.0f} s", flush=True)
    if tally.violations:
        print(shown(campaign, tally), flush=True)
    return campaign, tally


if __name__ == "__main__":
    sys.exit(main())
