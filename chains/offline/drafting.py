"""From a reading, and a reviewer's wishes, to a reply."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from chains.offline import phrases
from chains.offline.intents import by_name
from chains.offline.reading import Reading, confidence, missing
from chains.offline.wishes import Wishes

CONTENT_LIMIT = 8000
NOTES = 10


def draft(reading: Reading, *, analysis: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """Follows the analysis it is given, which people may have corrected, rather than its own reading."""
    intent = by_name(str(analysis.get("intent", "")))
    named = _named(analysis, wishes)
    lacking = missing(intent, set(named))
    if any(found.name == "complaint" for found in reading.intents):
        wishes = replace(wishes, apology=True)
    language = wishes.language or reading.language
    return {
        "content": "\n\n".join(_paragraphs(intent.name, named, lacking, language, wishes))[:CONTENT_LIMIT],
        "confidence": confidence(reading, intent=intent, missing_facts=len(lacking), not_understood=len(wishes.notes)),
        "details": {
            "missing": [phrases.NEEDED["en"][kind] for kind in lacking],
            "assumptions": [f"The reply goes to {name}." for name in named.get("person", [])[:1]],
            "changes": list(wishes.changes)[-NOTES:],
        },
    }


def _named(analysis: Mapping[str, Any], wishes: Wishes) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for entity in analysis.get("key_entities") or []:
        if isinstance(entity, Mapping):
            named.setdefault(str(entity.get("kind")), []).append(str(entity.get("text")))
    return {**named, "amount": []} if wishes.amount else named


def _paragraphs(
    intent: str, named: dict[str, list[str]], lacking: list[str], language: str, wishes: Wishes
) -> Iterator[str]:
    yield _greeting(named, language, wishes.tone)
    yield " ".join(_opening(intent, language, wishes))
    if not wishes.short:
        yield from _facts(named, language)
    if wishes.amount:
        yield phrases.AMOUNT[language].format(wishes.amount)
    yield from _asked(lacking, language)
    yield from (phrases.ADDITION[language].format(text) for text in wishes.additions)
    yield from (phrases.NOTE[language].format(text) for text in wishes.notes)
    if not (wishes.short or lacking):
        yield phrases.NEXT[language]
    yield phrases.CLOSINGS[language][wishes.tone]


def _opening(intent: str, language: str, wishes: Wishes) -> Iterator[str]:
    if not wishes.short:
        yield phrases.THANKS[language][wishes.tone]
    yield phrases.CONCERNS[language].get(intent, phrases.CONCERNS[language]["other"])
    if wishes.apology:
        yield phrases.APOLOGY[language]


def _greeting(named: dict[str, list[str]], language: str, tone: str) -> str:
    if "person" in named:
        return phrases.GREETINGS[language][tone].format(name=named["person"][0])
    return phrases.NAMELESS[language][tone]


def _facts(named: dict[str, list[str]], language: str) -> list[str]:
    labels = phrases.LABELS[language]
    facts = [labels[kind].format(text) for kind, texts in named.items() if kind in labels for text in texts[:3]]
    return [phrases.FACTS[language].format(facts=", ".join(facts))] if facts else []


def _asked(lacking: list[str], language: str) -> list[str]:
    if not lacking:
        return []
    needed = [phrases.NEEDED[language][kind] for kind in lacking]
    return [phrases.ASK[language].format(facts=phrases.AND[language].join(needed))]
