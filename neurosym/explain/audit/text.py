"""An audit as plain text, for a log or `print`."""

from __future__ import annotations

from collections.abc import Iterator

from neurosym.explain.audit.model import Audit
from neurosym.explain.audit.sections import Section, sections, summary
from neurosym.explain.report.safe import clean

WIDEST = 44  # characters of a cell; more are cut


def audit_text(audit: Audit) -> str:
    """The parts of an audit one below the other; `!` marks rows to look at."""
    lines = [summary(audit)]
    for section in sections(audit):
        lines += ["", section.title, section.lead, *_table(section)]
    lines += ["", *(f"Note: {w}." for w in audit.warnings)] if audit.warnings else []
    return clean("\n".join(lines))


def _table(section: Section) -> Iterator[str]:
    if not section.rows:
        return
    cells = [[_short(c) for c in row] for row in (section.head, *section.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        mark = "!" if number - 1 in section.doubtful else " "
        padded = [
            c.ljust(w) if k < section.left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"{mark} {'  '.join(padded)}".rstrip()


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
