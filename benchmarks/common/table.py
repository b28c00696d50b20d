"""Figures as a table that a page of the documentation can take as it is."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.common.figures import Figure

TITLES = ("figure", "ours", "peer", "value", "bound", "")


def number(value: float, unit: str) -> str:
    """Three digits or so, with the unit."""
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"
    return f"{text} {unit}".rstrip()


def render(figures: Iterable[Figure], judged: bool) -> str:
    """The table; without verdicts where the sizes are not those that the bounds are for."""
    rows: list[tuple[str, ...]] = [TITLES]
    for f in figures:
        value = "–" if f.value is None else number(f.value, f.unit)
        bound = "" if f.bound is None else f"{'≥' if f.at_least else '≤'} {f.bound:,g} {f.unit}".rstrip()
        rows.append((f.name, f.ours, f.peer, value, bound, f.verdict if judged or f.value is None else ""))
    widths = [max(len(row[k]) for row in rows) for k in range(len(TITLES))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("-" * max(w, 3) for w in widths) + " |", *lines[1:]])
