"""Strings from data on their way into a view: every one is hostile until it went through here."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

_IMAGE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/]+={0,2})\Z")
_PAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.html\Z")
_PNG = b"\x89PNG\r\n\x1a\n"
# Control characters (a terminal obeys them), marks that reverse the reading direction (a number could be read
# backwards), and halves of surrogate pairs (they cannot be written).
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\u2028\u2029\ufeff]")
MAX_IMAGE = 4_000_000


def clean(value: Any) -> Any:
    """A string without characters that are not to be seen; other values as they are."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        if value.isascii() and value.isprintable():
            return value  # nearly all that is printed, and much faster
        return _HIDDEN.sub("\ufffd", value)
    return value


def image_source(uri: str) -> str:
    """The URI if it is a PNG in itself, else an empty string: nothing else may become the source of an image."""
    if not isinstance(uri, str) or len(uri) > MAX_IMAGE:
        return ""
    match = _IMAGE.match(uri)
    if match is None:
        return ""
    try:
        data = base64.b64decode(match.group(1), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return uri if data.startswith(_PNG) else ""


def page_link(href: str) -> str:
    """The name of a page in the same folder, or an empty string: a link leads nowhere else."""
    return href if isinstance(href, str) and _PAGE.match(href) else ""
