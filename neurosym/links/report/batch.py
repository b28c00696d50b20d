"""Many explanations as a folder: a page and the data of each, and an index page that lists them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from neurosym.errors import ExplanationError
from neurosym.explain.report.batch import page_name
from neurosym.explain.report.page import write_page
from neurosym.explain.report.wording import percent
from neurosym.links.reasons import LinkExplanation
from neurosym.links.report.page import figure, reasons_html, templates, verdict
from neurosym.links.report.words import Reasons, claim_of, main_reason
from neurosym.version import version


@dataclass(frozen=True)
class Row:
    """A prediction in the index; `href` is empty where it has no page."""

    claim: str
    figure: str
    verdict: str
    remark: str
    reason: str
    rank: str
    href: str = ""
    observed: str = ""

    @classmethod
    def of(cls, why: Reasons, href: str = "") -> Row:
        """The row of an explanation."""
        kind, remark = verdict(why)
        rank = f"{why.rank:g}" if isinstance(why, LinkExplanation) else ""
        seen = why.observed if isinstance(why, LinkExplanation) else None
        observed = "" if seen is None else f"of such {percent(seen)} were true"
        return cls(claim_of(why), figure(why), kind, remark, main_reason(why), rank, href, observed)


def index_html(rows: Iterable[Row], title: str, lead: str = "", probability: bool = True) -> str:
    """The index page; every string in it is escaped.

    Args:
        lead: what the list is, in a sentence or two.
        probability: whether the figures are probabilities, and not scores.
    """
    listed = list(rows)
    known = [row for row in listed if row.verdict != "unknown"]
    return templates().get_template("reasons-index.html").render(
        title=title, lead=lead, rows=listed, known=len(known), right=sum(row.verdict == "right" for row in known),
        figure="Probability" if probability else "Score", ranked=any(row.rank for row in listed), version=version(),
    )  # fmt: skip


def write_reasons(
    folder: str | os.PathLike[str], explanations: Iterable[Reasons], title: str, lead: str = ""
) -> Path:  # fmt: skip
    """Write `NAME.html` and `NAME.json` for each explanation, and `index.html` last; each file is whole or not there.

    Args:
        explanations: in the order in which they shall be listed; taken one at a time.
        title, lead: of the index page.

    Returns:
        The index page.

    Raises:
        ExplanationError: NS830, the folder or a file cannot be written.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExplanationError(f"{place} cannot be made: {error.strerror}", code="NS830") from error
    rows: list[Row] = []
    probability = True
    for number, why in enumerate(explanations, 1):
        name = f"{number:03}-{page_name(claim_of(why))}"
        write_page(place / name, reasons_html(why), durable=False)
        write_page((place / name).with_suffix(".json"), why.to_json() + "\n", durable=False)
        rows.append(Row.of(why, name))
        probability = probability and why.probability is not None
    index = place / "index.html"
    write_page(index, index_html(rows, title, lead, probability))
    return index
