"""What a reviewer's words ask of a draft, as far as rules can tell. The rest is kept word for word, not guessed at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from chains.offline.extraction import AMOUNT

NOTE_LIMIT = 280


@dataclass(frozen=True)
class Wishes:
    """`notes` is what was not understood."""

    short: bool = False
    tone: str = "neutral"
    language: str = ""
    apology: bool = False
    amount: str = ""
    additions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = field(default=())


_SWITCHES = (
    (r"short|brief|concise|kürz|knapp", {"short": True}, "Shorter."),
    (r"formal|formell|förmlich|polite|höflich", {"tone": "formal"}, "More formal."),
    (r"friendl|warm|kind\b|kinder|nicer|freundlich|herzlich", {"tone": "friendly"}, "Friendlier."),
    (r"apolog|sorry|entschuldig", {"apology": True}, "Added an apology."),
    (r"\bin german\b|auf deutsch", {"language": "de"}, "In German."),
    (r"\bin english\b|auf englisch", {"language": "en"}, "In English."),
)
_NEGATION = re.compile(
    r"(?<!\w)(?:not|don['’]?t|do not|never|no|without|less|informal|nicht|keine?n?|ohne|weniger|informell)(?!\w)",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"(?<!\w)(?:mention|include|add|say|write|erwähn\w*|ergänz\w*|schreib\w*|füg\w*)(?!\w)\s{0,3}(?:also|auch|bitte|hinzu)?\s{0,3}"
    r"(?:[,:]\s{0,3})?(?:that\b|dass\b)?\s{0,3}(?P<what>.{2,400})",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"[\"“„«](.{1,400}?)[\"”“»]", re.DOTALL)
_SET_AMOUNT = re.compile(
    r"(?<!\w)(?:use|offer|make|set|change|only|instead|amount|refund|nimm|nehmen|biete\w*|nur|statt|betrag|erstatte\w*)(?!\w)",
    re.IGNORECASE,
)
# A full stop inside a number does not end a sentence, nor does a comma end a clause there.
_SENTENCES = re.compile(r"(?<=[.;!?])\s+|\n+")
_CLAUSES = re.compile(r",\s+(?:and\s+|und\s+)?|\s+(?:and|und|but|aber)\s+", re.IGNORECASE)
_FILLER = re.compile(
    r"(?:(?:please|thanks?|you|ok(?:ay)?|but|and|also|just|actually|then|can|could|bitte|danke|aber|und|auch|dann)\W*)+",
    re.IGNORECASE,
)
_APOLOGY = re.compile(
    r"(?:an? |the )?(?:apology|sorry|apologies|that we are sorry|eine entschuldigung)\W*", re.IGNORECASE
)


def read_wishes(messages: list[str]) -> Wishes:
    """All messages of the reviewers, oldest first; a later wish wins over an earlier one."""
    wishes = Wishes()
    for message in messages:
        for part in _parts(message):
            wishes = _with(wishes, part)
    return wishes


def _parts(message: str) -> Iterator[str]:
    """Clauses, except that what is to be added stays in one piece, and so does a sentence that forbids something."""
    for sentence in _SENTENCES.split(message.strip()):
        addition = _ADD.search(sentence)
        if _NEGATION.search(_QUOTED.sub("", sentence)):
            yield sentence
        elif addition:
            quoted = _QUOTED.search(sentence, addition.start())
            end = quoted.end() if quoted else len(sentence)
            yield from _clauses(sentence[: addition.start()])
            yield sentence[addition.start() : end]
            yield from _clauses(sentence[end:])
        else:
            yield from _clauses(sentence)


def _clauses(sentence: str) -> Iterator[str]:
    for clause in _CLAUSES.split(sentence):
        bare = clause.strip(' .,;!?"“”„«»')
        if bare and not _FILLER.fullmatch(bare):
            yield bare


def _with(wishes: Wishes, part: str) -> Wishes:
    if _NEGATION.search(_QUOTED.sub("", part)):
        return _noted(wishes, part)
    addition = _ADD.match(part)
    if addition:
        quoted = _QUOTED.search(part)
        if _APOLOGY.fullmatch(addition["what"]):
            return _switched(wishes, "apologise")
        return _added(wishes, quoted.group(1) if quoted else addition["what"])
    amount = AMOUNT.search(part)
    if amount and _SET_AMOUNT.search(part):
        return replace(wishes, amount=amount.group(), changes=(*wishes.changes, f"Amount: {amount.group()}."))
    return _switched(wishes, part)


def _switched(wishes: Wishes, part: str) -> Wishes:
    changed = wishes
    for pattern, values, change in _SWITCHES:
        if re.search(pattern, part, re.IGNORECASE):
            changed = replace(changed, **values, changes=(*changed.changes, change))
    return _noted(wishes, part) if changed is wishes else changed


def _added(wishes: Wishes, text: str) -> Wishes:
    text = text.strip(' ."“”„«»\n')[:NOTE_LIMIT]
    return replace(wishes, additions=(*wishes.additions, text), changes=(*wishes.changes, f"Added: {text}."))


def _noted(wishes: Wishes, part: str) -> Wishes:
    text = part.strip(" ,;")[:NOTE_LIMIT]
    return replace(wishes, notes=(*wishes.notes, text), changes=(*wishes.changes, f"Left as a note: {text}"))
