"""What the rules make of a request: its intent, entities, language and complexity, and how sure they can be."""

import re
from dataclasses import dataclass
from typing import Any

from chains.offline.extraction import READ_LIMIT, Found, amount_value, extract
from chains.offline.intents import OTHER, Intent, addresses_the_model, has_legal_words, intents_in

KINDS = {"order": "order", "invoice": "invoice", "amount": "amount", "date": "date", "person": "from"}
MUCH_MONEY = 1000

_GERMAN = re.compile(
    r"(?<!\w)(?:ich|wir|nicht|und|der|die|das|bitte|ist|haben|habe|meine?|eine?n?|für|mit|auf|wann|guten|danke|sie|zu)(?!\w)",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"(?<!\w)(?:i|we|not|and|the|please|is|are|have|my|an?|for|with|on|when|hello|thanks?|you|to|of)(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    intents: tuple[Intent, ...]
    entities: tuple[Found, ...]
    language: str
    length: int
    legal: bool
    to_the_model: bool
    has_words: bool

    @property
    def complexity(self) -> str:
        """A point for each thing that makes an answer harder; none is simple, three are complex."""
        points = [
            len(self.intents) > 1,
            len(self.intents) > 2,
            self.intents[0] is OTHER,
            self.length > 600,
            self.length > 2000,
            len(self.entities) > 6,
            any((amount_value(f.text) or 0) >= MUCH_MONEY for f in self.entities if f.kind == "amount"),
        ]
        total = sum(points) + 2 * self.legal + 3 * (self.to_the_model or not self.has_words)
        return "simple" if total == 0 else "moderate" if total < 3 else "complex"

    @property
    def context(self) -> str:
        facts = [f"{KINDS[f.kind]} {f.text}" for f in self.entities if f.kind in KINDS]
        notes = [", ".join([self.intents[0].name.capitalize(), *facts[:6]])]
        if len(self.intents) > 1:
            notes.append("Also about: " + ", ".join(intent.name for intent in self.intents[1:]))
        if self.legal:
            notes.append("It mentions legal steps")
        if self.to_the_model:
            notes.append("It holds text that tries to instruct the model, which was not followed")
        if not self.has_words:
            notes.append("It holds no words to go by")
        return ". ".join(notes) + "."


def read(text: str) -> Reading:
    text = text[:READ_LIMIT]
    return Reading(
        intents=tuple(intents_in(text)) or (OTHER,),
        entities=tuple(extract(text)),
        language="de" if len(_GERMAN.findall(text)) > len(_ENGLISH.findall(text)) else "en",
        length=len(text),
        legal=has_legal_words(text),
        to_the_model=addresses_the_model(text),
        has_words=re.search(r"[^\W\d_]{2}", text) is not None,
    )


def analysis(reading: Reading) -> dict[str, Any]:
    return {
        "intent": reading.intents[0].name,
        "key_entities": [{"kind": found.kind, "text": found.text} for found in reading.entities],
        "complexity": reading.complexity,
        "context": reading.context,
    }


def missing(intent: Intent, kinds: set[str]) -> list[str]:
    """For each need of the intent that nothing named meets, the kind to ask for."""
    return [need[0] for need in intent.needs if not kinds & set(need)]


def confidence(reading: Reading, *, intent: Intent, missing_facts: int, not_understood: int) -> float:
    """How much of the request the rules recognised, not how good the reply is; they are never certain."""
    score = 0.4 if intent.name == OTHER.name else 0.8
    score += 0.1 if any(found.kind == "person" for found in reading.entities) else 0.0
    score -= 0.15 * missing_facts + 0.2 * not_understood + 0.1 * (len(reading.intents) - 1)
    score -= 0.3 * (reading.to_the_model or not reading.has_words)
    return round(min(0.9, max(0.05, score)), 2)
