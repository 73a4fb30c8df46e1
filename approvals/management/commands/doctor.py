"""manage.py doctor: everything that must be so, passed and failed, each with what to do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from approvals.execution import examine


class Command(BaseCommand):
    help = "Examine this installation. Exits with 1 when something would keep a worker from starting."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        for finding in findings:
            mark = "ok  " if finding.passed else ("FAIL" if finding.refuses else "warn")
            self.stdout.write(f"{mark}  {finding.name:<18} {finding.sentence}")
        if any(finding.refuses and not finding.passed for finding in findings):
            raise CommandError("A worker would refuse to start. See the lines marked FAIL.")
