"""The index page of many predictions: what was right, how well probabilities are calibrated, what each rule did."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.explain.model import Explanation
from neurosym.explain.report import wording as words
from neurosym.explain.report.alternatives import main_point
from neurosym.explain.report.page import environment, write_page
from neurosym.explain.report.single import explanation_html

THRESHOLD = 0.5
BINS = 10


@dataclass(frozen=True)
class BatchPage:
    """One page of a batch, put together, and what the index says of it; it can be sent from process to process.

    Attributes:
        html: the page; `row`: as for `batch_html`, without `href`; `unverified`: as in `Explanation`.
    """

    html: str
    row: Mapping[str, Any]
    unverified: tuple[str, ...]

    @classmethod
    def of(cls, explanation: Explanation, truth: bool | None) -> BatchPage:
        """The page of an explanation, and the truth of its claim where it is known."""
        claim = explanation.claim
        row = {
            "atom": claim.atom,
            "label": claim.label,
            "probability": claim.probability,
            "truth": truth,
            "main_reason": main_point(explanation),
            "rules": words.fired_rules(explanation),
            "shown": words.amount(claim),
            "verified": explanation.verified,
        }
        return cls(explanation_html(explanation), row, explanation.unverified)


def batch_html(
    rows: Sequence[Mapping[str, Any]], title: str, summary: str = "", all_rules: Sequence[str] = (),
    firings: Mapping[str, int] | None = None,
) -> str:  # fmt: skip
    """The index page of a batch.

    Args:
        rows: dicts with `atom`, `label`, `probability`, `truth` (or None), `main_reason`, `href` (a page in the same
            folder; anything else is no link), `rules` (names of those that fired); `shown`, the number in words, where
            it is not the probability; `verified` as in `Explanation`, where that is known.
        summary: a sentence or two under the title.
        all_rules: names of all rules, so that those that no shown proof uses can be named.
        firings: rule → its ground instances behind the predictions, as `rule_firings` counts them: only they tell a
            rule that never fired from one that the shown proofs do not use.
    """
    env = environment()
    script = env.get_template("batch.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return env.get_template("batch.html").render(
        rows=[{"shown": "", "verified": None} | dict(row) | {"verdict": _verdict(row)} for row in rows],
        title=title,
        summary=summary,
        script=script,
        script_hash=digest,
        counts=_counts(rows),
        confusion=_confusion(rows),
        calibration=(calibration := _calibration(rows)),
        error=_calibration_error(calibration or []),
        refuted=sum(row.get("verified") == () for row in rows),
        verified=sum(bool(row.get("verified")) for row in rows),
        usage=_usage(rows, all_rules, firings),
        counted=firings is not None,
        threshold=THRESHOLD,
    )


def write_batch(
    out_dir: str | os.PathLike[str],
    explanations: Iterable[tuple[Explanation, bool | None]],
    title: str,
    all_rules: Sequence[str] = (),
    summary: str = "",
    firings: Mapping[str, int] | None = None,
) -> Path:
    """Write a page for each explanation, and the index page last; each file is complete or not there.

    Args:
        explanations: with the truth of each claim where it is known; taken one at a time.
        all_rules, summary, firings: as for `batch_html`.

    Returns:
        The index page.

    Raises:
        ExplanationError: NS830, the folder or a file cannot be written.
    """
    return write_pages(out_dir, (BatchPage.of(*pair) for pair in explanations), title, all_rules, summary, firings)


def write_pages(
    out_dir: str | os.PathLike[str],
    pages: Iterable[BatchPage],
    title: str,
    all_rules: Sequence[str] = (),
    summary: str = "",
    firings: Mapping[str, int] | None = None,
) -> Path:
    """Write pages that were put together elsewhere, and the index page; otherwise as `write_batch`."""
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExplanationError(f"{folder} cannot be made: {error.strerror}", code="NS830") from error
    taken = {"index.html"}
    rows: list[dict[str, Any]] = []
    for page in pages:
        name = page_name(page.row["atom"], taken)
        taken.add(name)
        write_page(folder / name, page.html, durable=False)
        rows.append({**page.row, "href": name})
    index = folder / "index.html"
    write_page(index, batch_html(rows, title, summary, all_rules, firings))
    return index


def page_name(atom: str, taken: Container[str] = ()) -> str:
    """A file name for an atom: readable, without any character that a file system minds, and not taken yet.

    Names that differ in nothing but such characters, or in upper and lower case, are told apart by a hash.
    """
    digest = hashlib.sha256(atom.encode("utf-8", "surrogatepass")).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", atom).strip("-").lower()[:60].strip("-") or "claim"
    name = f"{stem}-{digest[:8]}.html"
    number = 2
    while name in taken:
        name = f"{stem}-{digest[:8]}-{number}.html"
        number += 1
    return name


def _correct(row: Mapping[str, Any]) -> bool | None:
    if row["truth"] is None:
        return None
    return (row["probability"] >= THRESHOLD) == bool(row["truth"])


def _verdict(row: Mapping[str, Any]) -> str:
    """`right`, `missed` (true, and held false), `false-alarm` (false, and held true), or `unknown`."""
    correct = _correct(row)
    if correct is None or correct:
        return "unknown" if correct is None else "right"
    return "missed" if row["truth"] else "false-alarm"


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    known = [r for r in rows if r["truth"] is not None]
    return {
        "all": len(rows),
        "yes": sum(r["probability"] >= THRESHOLD for r in rows),
        "known": len(known),
        "right": sum(bool(_correct(r)) for r in known),
    }


def _confusion(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[bool, bool], int] | None:
    """(predicted, true) → number; None where no truth is known."""
    table = {(p, t): 0 for p in (True, False) for t in (True, False)}
    for row in rows:
        if row["truth"] is not None:
            table[row["probability"] >= THRESHOLD, bool(row["truth"])] += 1
    return table if any(table.values()) else None


def _calibration(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]] | None:
    """For each bin with predictions: their number, mean probability, and the share that was true."""
    bins: list[list[Mapping[str, Any]]] = [[] for _ in range(BINS)]
    for row in rows:
        if row["truth"] is not None and 0 <= row["probability"] <= 1:
            bins[min(BINS - 1, int(row["probability"] * BINS))].append(row)
    most = max(map(len, bins))
    found = [
        {
            "low": k / BINS,
            "high": (k + 1) / BINS,
            "count": len(members),
            "mean": sum(r["probability"] for r in members) / len(members),
            "true": sum(bool(r["truth"]) for r in members) / len(members),
            "radius": 3 + 6 * (len(members) / most) ** 0.5,
        }
        for k, members in enumerate(bins)
        if members
    ]
    return found or None


def _calibration_error(bins: Sequence[Mapping[str, float]]) -> float:
    """How far probabilities and what came true lie apart, on average over the predictions (expected calibration error).

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015.
    """
    total = sum(b["count"] for b in bins)
    return sum(b["count"] * abs(b["mean"] - b["true"]) for b in bins) / total if total else 0.0


def _usage(
    rows: Sequence[Mapping[str, Any]], all_rules: Sequence[str], firings: Mapping[str, int] | None
) -> list[dict[str, Any]]:  # fmt: skip
    """For each rule how often it fired, in how many predictions a shown proof uses it, and how often those are true."""

    def entry(name: str) -> dict[str, Any]:
        fired = None if firings is None else firings.get(name, 0)
        return {"name": name, "fired": fired, "shown": 0, "right": 0, "wrong": 0}

    usage = {name: entry(name) for name in all_rules}
    for row in rows:
        for name in dict.fromkeys(row["rules"]):
            found = usage.setdefault(name, entry(name))
            found["shown"] += 1
            if row["truth"] is not None:
                found["right" if row["truth"] else "wrong"] += 1
    for found in usage.values():
        if found["fired"] == 0 and found["shown"]:
            found["fired"] = None  # proofs of facts that are certain may be found again, and are not counted
    return sorted(usage.values(), key=lambda u: (-u["shown"], -(u["fired"] or 0)))
