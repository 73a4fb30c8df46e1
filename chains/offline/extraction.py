"""What a text names, in its own spelling: orders, amounts, dates, addresses, people. Patterns, no understanding."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# Longer texts are read up to here, so that one message cannot occupy a worker.
READ_LIMIT = 20_000
MOST = 30


@dataclass(frozen=True)
class Found:
    kind: str
    text: str
    start: int
    end: int


_NUMBER = r"(?:\d{1,3}(?:[ .,'’\u00a0\u202f]\d{3})+|\d{1,12})(?:[.,](?:\d{1,2}|[–—-]{1,2}))?(?![.,]?\d)"
_CURRENCY = r"(?:€|\$|£|¥|zł|(?:EUR|USD|GBP|CHF|PLN|JPY|euros?|dollars?|pounds?|franken)(?!\w))"
AMOUNT = re.compile(rf"(?<![\w.,])(?:{_CURRENCY}\s?{_NUMBER}|{_NUMBER}\s?{_CURRENCY})", re.IGNORECASE)

_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz?|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\b"
)
DATE = re.compile(
    r"(?<![\w.,/-])(?:\d{4}-\d{2}-\d{2}|\d{1,2}\.\s?\d{1,2}\.(?:\s?(?:\d{4}|\d{2}))?|\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})|"
    rf"\d{{1,2}}(?:\.|st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:\.?\s\d{{4}})?|{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?)"
    r"(?![\w/-])",
    re.IGNORECASE,
)

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")

_REFERENCE = r"(?=[A-Z\d-]*\d)[A-Z\d](?:[A-Z\d]|-(?=[A-Z\d])){2,19}"
_NUMBERED = r"(?:\s{0,2}(?:no\.?|nr\.?|number|nummer|#|:|is|ist|mit|der|with|the)){0,4}\s{0,2}"
ORDER = re.compile(
    rf"(?<!\w)(?:ORD|ORDER|PO|SO)[-_]?\d{{3,12}}(?!\w)|"
    rf"(?<!\w)(?:orders?|bestell(?:ung)?|auftrags?)(?:[- ]?(?:number|nummer|nr\.?|id))?{_NUMBERED}"
    rf"(?P<ref>{_REFERENCE})(?!\w)|"
    rf"(?<![\w&#])#(?P<hash>\d{{3,12}})(?!\w)",
    re.IGNORECASE,
)
INVOICE = re.compile(
    rf"(?<!\w)(?:INV|RE|RG)-?(?=\d)[\d-]{{2,19}}\d(?!\w)|"
    rf"(?<!\w)(?:invoice|rechnungs?)(?:[- ]?(?:number|nummer|nr\.?|id))?{_NUMBERED}"
    rf"(?P<ref>{_REFERENCE})(?!\w)",
    re.IGNORECASE,
)

PHONE = re.compile(r"(?<![\w.,#-])(?:\+|\(?0)\d?[\d ()/.-]{5,20}\d(?!\w)|(?<![\w.,#-])\d{3}[- .]\d{3}[- .]\d{4}(?!\w)")

_PLACE = r"[^\W\d_]{1,20}(?:['’.-][^\W\d_]{1,20}){0,2}"
ADDRESS = re.compile(
    rf"(?<!\w)(?:{_PLACE}\s(?=str|weg|platz|allee))?[^\W\d_-]{{0,30}}"
    r"(?:straße|strasse|str\.|weg|platz|allee|gasse|ufer|damm)\s\d{1,4}\s?[a-z]?\b"
    rf"(?:\s{{0,2}}[,\n]\s{{0,2}}(?:[A-Z]{{1,2}}-)?\d{{4,5}}\s{_PLACE})?|"
    rf"(?<!\w)\d{{1,5}}[a-z]?\s(?:{_PLACE}\s){{1,3}}"
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|terrace|court|square|sq|boulevard|blvd)\b\.?"
    rf"(?:,\s{_PLACE}(?:\s{_PLACE}(?!\w))?)?(?:,?\s(?:[A-Z]{{2}}\s\d{{5}}|[A-Z]{{1,2}}\d[A-Z\d]?\s\d[A-Z]{{2}})(?!\w))?",
    re.IGNORECASE,
)

_WORD = r"[^\W\d_][^\W\d_'’-]{0,30}(?:['’-][^\W\d_]{1,30})?"
_NAME = rf"{_WORD}(?:[ ]{_WORD}){{0,2}}"
_SAYS_NAME = re.compile(
    r"(?<!\w)(?i:my name is|mein name ist|ich heiße|ich heisse|mrs?\.?|ms\.?|herrn?|frau) "
    rf"(?:(?:Dr|Prof)\.? ){{0,2}}({_NAME})"
)
_FULL_NAME = re.compile(
    rf"(?:(?<!\w)(?i:i am|i'm|this is|ich bin|customer|client|kunde|kundin|from|for|to) |\A\s{{0,3}})"
    rf"({_WORD} {_WORD})(?!\w)"
)
_SIGNED = re.compile(
    r"(?i:regards|thanks|thank you|cheers|sincerely|best|wishes|grüße[nr]?|gruß|grüssen|dank|lg|mfg)[,.! ]{0,3}"
    rf"\n{{1,3}}[ ]{{0,3}}({_NAME})[ ]{{0,3}}(?=\n|\Z)"
)
# Words that are capitalised without being names.
_NO_NAMES = set(
    """
    hello hi dear hey good guten hallo liebe lieber please bitte thanks thank danke the this that my your our support
    team customer order invoice refund account delivery sehr damen herren monday tuesday wednesday thursday friday
    saturday sunday january february march april may june july august september october november december ich wir sie
    es und mein meine frau herr herrn mr mrs ms dr i we it you can could where what when how why ignore previous all
    no not so also and or if
    """.split()  # noqa: SIM905
)

_PATTERNS = (
    ("email", EMAIL),
    ("invoice", INVOICE),
    ("order", ORDER),
    ("amount", AMOUNT),
    ("address", ADDRESS),
    ("date", DATE),
    ("phone", PHONE),
)


def extract(text: str) -> list[Found]:
    """In the order of the text; each stretch of it belongs to one finding, and each spelling is listed once."""
    text = text[:READ_LIMIT]
    taken: list[Found] = []
    for found in [*_matches(text), *_people(text)]:
        if not any(found.start < other.end and other.start < found.end for other in taken):
            taken.append(found)
    unique = {(found.kind, found.text.casefold()): found for found in reversed(taken)}
    return sorted(unique.values(), key=lambda found: found.start)[:MOST]


def amount_value(text: str) -> Decimal | None:
    """`1.240,00 €` and `$1,240` alike: the last separator is a decimal one unless three digits follow it."""
    digits = re.search(r"\d[\d .,'’\u00a0\u202f]*", text)
    if digits is None:
        return None
    plain = re.sub(r"[ '’\u00a0\u202f]", "", digits.group()).rstrip(".,")
    whole, mark, rest = plain.replace(",", ".").rpartition(".")
    if not mark or len(rest) == 3:
        whole, rest = f"{whole}{rest}", "0"
    try:
        return Decimal(f"{whole.replace('.', '')}.{rest}")
    except InvalidOperation:
        return None


def _matches(text: str) -> Iterator[Found]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            group = next((name for name in ("ref", "hash") if match.groupdict().get(name)), 0)
            if kind != "phone" or 7 <= sum(c.isdigit() for c in match.group()) <= 15:
                yield Found(kind, match.group(group).strip(), match.start(group), match.end(group))


def _people(text: str) -> Iterator[Found]:
    for pattern, words_needed in ((_SAYS_NAME, 1), (_SIGNED, 1), (_FULL_NAME, 2)):
        for match in pattern.finditer(text):
            name = _name(match.group(1))
            if len(name.split()) >= words_needed:
                yield Found("person", name, match.start(1), match.start(1) + len(name))


def _name(words: str) -> str:
    """The leading words that are written like a name."""
    kept = []
    for word in words.split(" "):
        if not word[:1].isupper() or word.casefold() in _NO_NAMES:
            break
        kept.append(word)
    return " ".join(kept)
