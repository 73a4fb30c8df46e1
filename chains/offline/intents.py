"""What a text wants, by the words it uses, in English and German. The order of the table settles ties."""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Intent:
    """`needs`: for each entry, one of these kinds of entity has to be named before anybody can act."""

    name: str
    words: str
    needs: tuple[tuple[str, ...], ...] = ()


QUESTION = Intent("question", "")
OTHER = Intent("other", "")

INTENTS = (
    Intent(
        "access request",
        r"access|permission|log ?in\b|password|locked out|unlock|zugang|zugriff|passwort|freischalt|anmelden|gesperrt",
        (("email",),),
    ),
    Intent(
        "cancellation",
        r"cancel|terminat|unsubscribe|end my (?:contract|subscription)|kündig|stornier|\bstorno|abbestell|widerruf",
        (("order", "invoice"),),
    ),
    Intent(
        "change of address",
        r"(?:change|update|correct)\w* (?:of |my |our |the )?(?:\w+ )?address|new address|moving to|"
        r"(?:have|has|we|i)(?:'ve)? (?:just )?moved|"
        r"neue (?:anschrift|adresse)|umgezogen|umzug|adressänderung|(?:anschrift|adresse)\w* .{0,20}änder",
        (("address",),),
    ),
    Intent(
        "refund",
        r"refund|money back|reimburs|chargeback|charged twice|pay(?:ment)? back|"
        r"erstatt|geld zurück|rückzahlung|doppelt abgebucht",
        (("order", "invoice"), ("amount",)),
    ),
    Intent(
        "return or exchange",
        r"\breturn(?!ed to)|exchange|replacement|replace|umtausch|rücksend|zurückschick|retoure|ersatz",
        (("order",),),
    ),
    Intent(
        "delivery",
        r"deliver|shipping|shipped|shipment|parcel|package|tracking|(?:not|n't|never|when will .{1,40}) arrive|"
        r"liefer|paket|sendung|versand|versendet",
        (("order",),),
    ),
    Intent("invoice", r"invoice|receipt|\bbill\b|billing|\bvat\b|rechnung|quittung|mahnung", (("invoice", "order"),)),
    Intent(
        "complaint",
        r"complain|unacceptable|disappoint|angry|furious|broken|damaged|defective|terrible|worst|awful|cracked|rude|"
        r"beschwer|unzufrieden|kaputt|defekt|beschädigt|enttäusch|unverschämt|zerbrochen|ärger",
        (("order", "invoice"),),
    ),
)

_ASKS = re.compile(
    r"\?|？|^\s*(?:how|what|when|where|why|who|which|can|could|do|does|is|are|wie|was|wann|wo|warum|wer|können|könnt|gibt)\b",
    re.IGNORECASE | re.MULTILINE,
)
_TO_THE_MODEL = re.compile(
    r"(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rule|above)|system prompt|you are now|"
    r"(?:ignorier|vergiss|missachte)\w*\b.{0,40}\b(?:anweisung|anleitung|regel|befehl|vorherig)|</?(?:system|assistant)>|\[/?INST\]",
    re.IGNORECASE | re.DOTALL,
)
_LEGAL = re.compile(
    r"lawyer|attorney|solicitor|legal action|sue you|court|police|chargeback|data protection|gdpr|"
    r"anwalt|gericht|klage|polizei|dsgvo|rechtlich|verbraucherzentrale",
    re.IGNORECASE,
)


def intents_in(text: str) -> list[Intent]:
    """Every intent with a word in the text, the strongest first; a question when something is asked and none has."""
    scores = {intent: len(_words_of(intent, text)) for intent in INTENTS}
    found = [intent for intent in sorted(INTENTS, key=lambda intent: -scores[intent]) if scores[intent]]
    return found or ([QUESTION] if _ASKS.search(text) else [])


def by_name(name: str) -> Intent:
    """An intent somebody else worked out; one this table does not know needs nothing."""
    wanted = name.strip().casefold()
    return next((intent for intent in (*INTENTS, QUESTION, OTHER) if intent.name == wanted), Intent(name.strip(), ""))


def addresses_the_model(text: str) -> bool:
    return _TO_THE_MODEL.search(text) is not None


def has_legal_words(text: str) -> bool:
    return _LEGAL.search(text) is not None


def _words_of(intent: Intent, text: str) -> set[str]:
    return {match.group().casefold() for match in _pattern(intent.words).finditer(text)}


@cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)
