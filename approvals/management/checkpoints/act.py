"""What every act of manage.py checkpoints is."""

from typing import Any, ClassVar, Protocol

from django.core.management.base import CommandParser, OutputWrapper


class Act(Protocol):
    """`run` gets what `add_arguments` named, and writes for people. Raises CommandError with a sentence for them."""

    name: ClassVar[str]
    help: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None: ...

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None: ...
