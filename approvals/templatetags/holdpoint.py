"""How pages write words, times, names and values."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from approvals import inspection, showing
from approvals.forms import Filters
from approvals.models import Risk, Verdict
from approvals.schemaforms.names import humanised
from approvals.schemaforms.secrets import masked
from approvals.views.counting import MOST_COUNTED
from approvals.views.statuses import Word, word_of

register = template.Library()

SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400
LEVELS = {risk.value: level for level, risk in enumerate(Risk, start=1)}
VERDICTS = {
    Verdict.APPROVE: Word("Approved", "done", "check"),
    Verdict.EDIT: Word("Approved with changes", "done", "pencil"),
    Verdict.REJECT: Word("Rejected", "rej", "ban"),
    Verdict.RESPOND: Word("Sent back", "exp", "reply"),
    Verdict.MIXED: Word("Decided one by one", "exp", "decisions"),
}
COLOURS = 4


@register.filter
def visible(text: object) -> SafeString:
    return showing.visible(text)


@register.filter
def plain(text: object) -> str:
    return showing.plain(text)


@register.filter
def value(found: Any, fold: str = "") -> SafeString:
    return showing.value_html(found, fold=bool(fold))


@register.simple_tag
def kept_in() -> str:
    """Where checkpoints are kept, where that is worth a word: see inspection.kept_in."""
    return inspection.kept_in()


@register.simple_tag
def facts(arguments: Any, schema: Mapping[str, Any] | None = None) -> SafeString:
    """Even without a schema, names are written as people write them; the raw view has them as they are."""
    return showing.facts_html(showing.labelled(masked(arguments, schema), schema or {"properties": {}}))


@register.filter
def pretty(found: Any) -> str:
    """JSON over several lines; what it means is unchanged."""
    return json.dumps(found, indent=2, ensure_ascii=False)


@register.filter
def compared(found: Any) -> str:
    """JSON as it reads best in a comparison: text with its own lines, in quotes so that "5" is not 5."""
    return f'"{found}"' if isinstance(found, str) else pretty(found)


@register.filter
def exact(payload: bytes | memoryview) -> str:
    """Stored bytes as the text they are."""
    return bytes(payload).decode()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    return format_html(
        '<svg class="ic {}" viewBox="0 0 16 16" aria-hidden="true"><use href="{}#{}"/></svg>',
        size,
        static("icons.svg"),
        name,
    )


@register.inclusion_tag("parts/_pill.html")
def status(thread: Any) -> dict[str, Any]:
    return {"word": word_of(thread)}


@register.inclusion_tag("parts/_pill.html")
def verdict(found: str) -> dict[str, Any]:
    return {"word": VERDICTS[Verdict(found)]}


@register.inclusion_tag("parts/_risk.html")
def risk(found: str) -> dict[str, Any]:
    return {"level": LEVELS[found], "label": Risk(found).label}


@register.inclusion_tag("parts/_avatar.html")
def avatar(name: str, size: str = "") -> dict[str, Any]:
    """Initials on one of four colours, always the same for the same name."""
    words = name.split()
    initials = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
    colour = hashlib.sha256(name.encode(errors="replace")).digest()[0] % COLOURS + 1
    return {"initials": initials, "colour": colour, "size": size}


@register.simple_tag
def when(moment: datetime | None, style: str = "ago") -> SafeString:
    """`ago` becomes "24 min ago" in the browser, `age` "24 min", `at` stays; all say the full time on hover."""
    if not moment:
        return mark_safe("")
    local = timezone.localtime(moment)
    full = f"{date_format(local, 'j M Y, H:i:s')} {local.tzname()}"
    is_today = local.date() == timezone.localdate()
    short = date_format(local, "H:i" if is_today else "j M, H:i" if local.year == timezone.now().year else "j M Y")
    return format_html(
        '<time class="num" datetime="{}" title="{}" data-time="{}">{}</time>', moment.isoformat(), full, style, short
    )


@register.filter
def duration(length: timedelta | None) -> str:
    """20 ms, 0.4 s, 24 s, 24 min, 3 h 10 min, 2 d 4 h."""
    if length is None:
        return ""
    seconds = max(length.total_seconds(), 0)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


@register.filter
def capped(count: int) -> str:
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else f"{count}"


@register.filter
def chain_title(name: str) -> str:
    """The chain's own title; its name when it is no longer registered, or broken."""
    try:
        return inspection.chain(name).title
    except (inspection.UnknownChain, inspection.BrokenChain):
        return name


@register.filter
def node_name(name: str) -> str:
    """`check_policy` reads "Check policy", and `desk › check_policy` of a node in another "Desk › Check policy"."""
    labels = [(part, inspection.node_label(part)) for part in name.split(" › ")]
    return " › ".join(humanised(part) if label == part else label for part, label in labels)


@register.filter
def node_label(name: str) -> str:
    """As its author wrote it, but in words where LangChain made it up."""
    return inspection.node_label(name)


@register.filter
def listed(names: Sequence[str], word: str = "and") -> str:
    """a, b and c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


@register.filter
def undo_of(message: Message) -> dict[str, str] | None:
    """The decision a message says can be taken back, and until when."""
    interrupt_id, _, until = message.extra_tags.partition(" ") if message.extra_tags else ("", "", "")
    return {"id": interrupt_id, "until": until} if until else None


@register.simple_tag
def page_query(filters: Filters, after: str) -> str:
    return filters.query(after=after)


@register.simple_tag
def peek_query(filters: Filters, selected: object) -> str:
    return filters.query(after=filters.after, selected=str(selected))
