"""Two texts word by word: what stayed, what went, what came."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

WORD = re.compile(r"\S+\s*|\s+")
# Words looked at between what both texts begin and end with. More are told as replaced: time grows with the square.
MOST = 600

# "same", "old" or "new", and the text.
Part = tuple[str, str]


def words(old: str, new: str) -> list[Part]:
    one, two = WORD.findall(old), WORD.findall(new)
    start = _alike(one, two)
    end = _alike(one[start:][::-1], two[start:][::-1])
    left, right = one[start : len(one) - end], two[start : len(two) - end]
    found = [("same", one[:start]), *_middle(left, right), ("same", one[len(one) - end :])]
    return [(kind, "".join(part)) for kind, part in found if part]


def _middle(left: list[str], right: list[str]) -> Iterator[tuple[str, list[str]]]:
    if len(left) > MOST or len(right) > MOST:
        yield "old", left
        yield "new", right
        return
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "same", left[a:b]
        else:
            yield "old", left[a:b]
            yield "new", right[c:d]


def _alike(one: Sequence[str], two: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        count += 1
    return count
