"""Text as cells of a CSV file that no spreadsheet takes for a formula, and back again without loss."""

import re

# What spreadsheets begin a formula with, and every character that looks or normalises like one of them.
_SIGNS = "=+\\-@\u207a\u207c\u208a\u208c\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
# Blanks and invisible characters that some read past, on the way to a formula.
_PASSED = " \x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
# Where a cell begins, and where it begins for who splits lines at something else than commas.
_AT_START, _AT_SPLIT = rf"(?=[{_PASSED}]*[{_SIGNS}\t\r\n])", rf"(?=[{_PASSED}]*[{_SIGNS}])"
_UNSAFE = re.compile(rf"\A('*){_AT_START}|(?<=[;|\t\r\n])('*){_AT_SPLIT}")
_MADE_SAFE = re.compile(rf"\A'('*){_AT_START}|(?<=[;|\t\r\n])'('*){_AT_SPLIT}")


def safe_cell(text: str) -> str:
    """One apostrophe more before what could begin a formula: at the start, and after ; | tabs and ends of lines."""
    return _UNSAFE.sub(lambda found: f"{found[1] or found[2] or ''}'", text)


def text_of(cell: str) -> str:
    """What `safe_cell` was given."""
    return _MADE_SAFE.sub(lambda found: found[1] or found[2] or "", cell)
