"""manage.py chain: list the chains, check one, or run one at the terminal. Nothing is stored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.execution import trials
from approvals.execution.trials import Asked, Trial, Twice

MOST_ROUNDS = 50
REFUSALS = (trials.BadAnswer, trials.BadInput, trials.BrokenChain, trials.UnknownChain)
REQUIRED = {True: "", False: ", optional"}
# By whether a question was the same when its node ran again; a breakpoint has no node that could be run again.
REPEATED = {None: "", True: "; the same when asked again", False: "; DIFFERENT when asked again"}
VERDICTS = [verdict.value for verdict in trials.Verdict]
Say = Callable[[Asked], list[tuple[str, Any, str]]]


class Command(BaseCommand):
    help = "List the chains, check one, or run one at the terminal. Nothing is stored; outside calls are made."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="every chain, and what keeps those from working that do not")
        check = acts.add_parser("check", help="compile, draw and try out one chain")
        run = acts.add_parser("run", help="run one chain, and answer its questions here")
        for each in (check, run):
            each.add_argument("name")
            each.add_argument("--input", help="the form's values as JSON, or @file")
            each.add_argument("--answer", choices=VERDICTS, help="the verdict on every question")
            each.add_argument("--arguments", default="null", help="JSON for --answer edit, and for schema questions")
            each.add_argument("--message", default="", help="the words of --answer respond or reject")
        check.add_argument("--model", default="offline", help="offline unless you say otherwise")
        run.add_argument("--model", default=settings.HOLDPOINT_MODEL, help="the one of this installation by default")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        acts: dict[str, Callable[..., None]] = {"list": self._list, "check": self._check, "run": self._run}
        try:
            acts[act](**options)
        except REFUSALS as error:
            raise CommandError(str(error)) from error

    def _list(self, **options: Any) -> None:
        for chain in trials.usable_chains():
            self._line(f"{chain.name:<20} {chain.version:<8} {chain.title}")
        for name, why in trials.broken_chains().items():
            self._line(f"{name:<20} {'broken':<8} {why}")

    def _check(self, name: str, **options: Any) -> None:
        chain = trials.chain_named(name)
        outline = trials.outline_of(chain)
        self._line(f"{chain.title}, version {chain.version}\n{chain.description}".rstrip())
        self._part("Way", outline.way)
        self._part("Form", [f"{each.name}: {each.kind}{REQUIRED[each.is_required]}" for each in outline.fields])
        self._part("Hold points", outline.holds or ["none: nobody would be asked"])
        remarks = [f"{each.node or 'The graph:'} {each.sentence}" for each in trials.remarks_on(chain)]
        self._part("Remarks", remarks or ["none"])
        values = _values(options["input"]) if options["input"] else chain.example
        if values is None:
            self._line("\nNot run: give --input with values of its form, and its questions are compared too.")
            return
        trial, model = trials.try_out(chain, values, model=options["model"])
        self._line(f"\nRun in memory, model: {model}")
        self._compare(trial, _sayer(options) if options["answer"] else None)

    def _compare(self, trial: Trial, say: Say | None) -> None:
        """Each question is asked twice. Without an answer to give, the first ones are all there is to see."""
        differing: list[Twice] = []
        for _ in range(MOST_ROUNDS):
            asked, twice = trial.asked, trial.ask_twice()
            same = {each.interrupt_id: each.is_same for each in twice}
            for each in asked:
                said = REPEATED[same.get(each.pending.interrupt_id)]
                self._line(f"  {each.pending.node}: {each.question.title}{said}")
            differing += [each for each in twice if not each.is_same]
            if say is None or not trial.asked or trial.outcome.failure:
                break
            trial.answer({each.pending.key: trials.answer_to(each, say(each)) for each in trial.asked})
        self._tell_end(trial)
        for other in differing:
            self._line(f"\n{other.node} asked first\n{_shown(other.first)}\nand then\n{_shown(other.second)}")
        if differing:
            raise CommandError("A question changes while it waits: compute what is asked in a node before.")

    def _run(self, name: str, **options: Any) -> None:
        chain = trials.chain_named(name)
        values = _values(options["input"]) if options["input"] else dict(chain.example or {})
        trial, model = trials.try_out(chain, values, model=options["model"])
        self._line(f"{chain.title}, in memory, model: {model}")
        say = _sayer(options) if options["answer"] else self._ask_here
        for _ in range(MOST_ROUNDS):
            if not trial.asked or trial.outcome.failure:
                break
            trial.answer({each.pending.key: self._answered(each, say) for each in trial.asked})
        self._tell_end(trial)
        self._line(_shown(trial.values))

    def _answered(self, asked: Asked, say: Say) -> Any:
        question = asked.question
        self._line(f"\n{asked.pending.node} asks: {question.title}")
        for item in question.items:
            self._line("\n".join(filter(None, [item.description, _shown(item.arguments)])))
        while True:
            try:
                return trials.answer_to(asked, say(asked))
            except trials.BadAnswer as error:
                if say != self._ask_here:
                    raise
                self._line(str(error))

    def _ask_here(self, asked: Asked) -> list[tuple[str, Any, str]]:
        return [_typed(item.allowed) for item in asked.question.items]

    def _tell_end(self, trial: Trial) -> None:
        failure = trial.outcome.failure
        if failure is not None:
            raise CommandError(f"The run failed with {failure.error_class}: {failure.message}")
        self._line("Finished." if trial.is_finished else "It waits for an answer; give one with --answer to go on.")

    def _part(self, title: str, lines: Any) -> None:
        self._line("\n".join(["", title, *(f"  {line}" for line in lines)]))

    def _line(self, text: str) -> None:
        self.stdout.write(text)


def _values(text: str) -> dict[str, Any]:
    """JSON, or what a file holds."""
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise CommandError(f"--input cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise CommandError('--input is not an object. Write it as {"name": "value"}.')
    return found


def _sayer(options: dict[str, Any]) -> Say:
    try:
        arguments = json.loads(options["arguments"])
    except ValueError as error:
        raise CommandError(f"--arguments is not JSON: {error}.") from error
    return lambda asked: [(options["answer"], arguments, options["message"])] * len(asked.question.items)


def _typed(allowed: Any) -> tuple[str, Any, str]:
    """From the terminal: a verdict, and what it needs."""
    try:
        verdict = input(f"{' / '.join(allowed)}? ").strip()
        needs_json = verdict == "edit" or (verdict == "respond" and len(allowed) == 1)
        arguments = json.loads(input("As JSON: ")) if needs_json else None
        message = input("In words: ").strip() if verdict in ("respond", "reject") and not needs_json else ""
    except ValueError as error:
        raise trials.BadAnswer(f"That is not JSON: {error}.") from error
    except EOFError as error:
        raise CommandError("There is no terminal to answer at. Give --answer.") from error
    if verdict not in tuple(allowed):
        raise trials.BadAnswer(f"Write one of: {', '.join(allowed)}.")
    return verdict, arguments, message


def _shown(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
