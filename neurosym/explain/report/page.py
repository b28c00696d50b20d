"""What all pages share: the templates' environment, and writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from neurosym.errors import ExplanationError
from neurosym.explain.report import wording as words
from neurosym.explain.report.alternatives import (
    aside,
    change_asides,
    claim_then,
    failure,
    holding,
    mark,
    near_title,
    sought_line,
    weight_line,
)
from neurosym.explain.report.branches import WIDE, open_depth
from neurosym.explain.report.layout import outline
from neurosym.explain.report.method import weight_words
from neurosym.explain.report.safe import clean, image_source, page_link
from neurosym.reasoner.rights import usual


@cache
def environment(*folders: Path) -> Environment:
    """Templates with escaping on for every file, and hidden characters taken out of everything that is printed.

    Args:
        folders: with further templates, such as those of another room's pages; they may extend and import these.
    """
    own = Path(__file__).with_name("templates")
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in (*folders, own)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= {
        "percent": words.percent,
        "chance": words.chance,
        "signed": words.signed,
        "sentence": words.sentence,
        "plural": words.plural,
        "image_source": image_source,
        "page_link": page_link,
        "weight": weight_words,
        "shared": words.shared,
        "rest_words": words.rest_words,
        "looked_at": words.looked_at,
        "path_words": words.path_words,
        "compared": words.compared,
        "weight_class": words.weight_class,
        "near_title": near_title,
        "holding": holding,
        "failure": failure,
        "claim_then": claim_then,
        "aside": aside,
        "mark": mark,
        "weight_line": weight_line,
        "asides": change_asides,
        "sought_line": sought_line,
    }
    env.globals |= {"outline": outline, "kind_words": words.kind_words, "wide": WIDE, "open_depth": open_depth}
    return env


def write_page(path: str | os.PathLike[str], text: str, durable: bool = True) -> None:
    """Write a page, complete or not at all: a reader never finds half of it.

    Args:
        durable: wait until it is on the disk; a batch does so for its index page alone, which it writes last.

    Raises:
        ExplanationError: NS830, the file cannot be written.
    """
    target = Path(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, usual(0o666))  # a temporary file is private, a page has the folder's usual rights
        os.replace(temporary, target)
    except (OSError, ValueError) as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        reason = getattr(error, "strerror", None) or str(error)
        raise ExplanationError(f"{target} cannot be written: {reason}", code="NS830") from error
