"""House rules that a machine can hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from approvals.models import QuestionKind, Verdict
from chains.asking import Verdict as AskedVerdict
from chains.questions import Kind

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("approvals", "chains", "bench")
LONGEST_FUNCTION = 40
LONGEST_MODULE = 300


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        for module in (ROOT / package).rglob("*.py"):
            if "migrations" not in module.parts:
                yield module


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_and_functions_stay_short() -> None:
    long_modules = [module.name for module in modules() if module.read_text().count("\n") > LONGEST_MODULE]
    long_functions = [
        f"{module.name}:{function.name}"
        for module in modules()
        for function in functions(module)
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
    ]

    assert long_modules == []
    assert long_functions == []


def test_celery_is_rung_in_one_place_only() -> None:
    ringing = [module.name for module in modules() if re.search(r"\.(delay|apply_async)\(", module.read_text())]

    assert ringing == ["tasks.py"]


def test_no_django_signals_and_no_swallowed_errors() -> None:
    for module in modules():
        text = module.read_text()
        assert "django.db.models.signals" not in text, module
        assert not re.search(r"except Exception[^\n]*:\s*\n\s*pass", text), module


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_lock_files_name_no_address() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        assert not re.search(r"(https?|file)://", lock.read_text()), lock


def test_both_sides_of_the_seam_use_the_same_words() -> None:
    # What several verdicts come to, and votes that are no verdict: the graph never hears of them.
    of_ours = {Verdict.MIXED.value, Verdict.ABSTAIN.value, Verdict.WITHDRAW.value}
    assert set(Verdict.values) - of_ours == {verdict.value for verdict in AskedVerdict}
    assert {kind.value for kind in QuestionKind} == {kind.value for kind in Kind}
