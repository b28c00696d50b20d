"""Text that fits into a box of a drawing, whatever font a reader has."""

from __future__ import annotations

import unicodedata

# Widths in thousandths of the font size, of DejaVu Sans, the widest of the fonts that the page asks for.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 300), **dict.fromkeys(" .,:;!()[]{}ftr\\/-I`", 420), **dict.fromkeys('"*s^zcJkvxy_', 600),
    **dict.fromkeys("mw", 980), **dict.fromkeys("MW@%", 1010), **dict.fromkeys("OQGDHNU&+=<>~#", 850),
}  # fmt: skip
_OTHER, _LETTER, _CAPITAL, _WIDE = 800, 645, 740, 1050


def width(text: str, size: float) -> float:
    """How wide a text is at most, in pixels, at a font size."""
    return sum(map(_width, text)) * size / 1000


def _width(char: str) -> int:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if char.isascii():
        return _CAPITAL if char.isupper() else _LETTER
    if unicodedata.combining(char):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return _WIDE
    name = unicodedata.name(char, "")
    return (_LETTER if char.islower() else _OTHER) if name.startswith(("LATIN", "GREEK", "CYRILLIC")) else _WIDE


def shorten(text: str, room: float, size: float, more: str = "") -> str:
    """The text, or its beginning with an ellipsis, so that it fits into `room` pixels with `more` after it."""
    room -= width(more, size)
    if width(text, size) <= room:
        return text
    room -= width("…", size)
    taken = 0.0
    for k, char in enumerate(text):
        taken += _width(char) * size / 1000
        if taken > room:
            return text[:k].rstrip() + "…"
    return text


def wrap(text: str, room: float, size: float, lines: int = 3) -> list[str]:
    """The text in at most so many lines, broken between words where that is possible, the last one shortened."""
    found: list[str] = []
    rest = " ".join(text.split())
    while rest and len(found) < lines - 1:
        head = _fitting(rest, room, size)
        found.append(rest[:head].rstrip())
        rest = rest[head:].lstrip()
    return [*found, shorten(rest, room, size)] if rest else found or [""]


def _fitting(text: str, room: float, size: float) -> int:
    """How many characters fit, up to the last break that does."""
    taken = 0.0
    for k, char in enumerate(text):
        taken += _width(char) * size / 1000
        if taken > room:
            at = text.rfind(" ", 0, k + 1)
            if at <= 0:
                at = 1 + max((text.rfind(c, 0, k) for c in ",/_-:#("), default=-1)
            return at if at > k // 3 else max(k, 1)
    return len(text)
