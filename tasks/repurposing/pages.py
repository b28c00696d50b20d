"""Predictions as HTML, in the templates' environment, style and escaping of all reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from neurosym.explain.report import write_page
from neurosym.explain.report.page import environment
from tasks.repurposing.reasons import Prediction

PART_WORDS = {"rules": "rules that derive it", "paths": "paths that join the two", "prior": "the disease by itself"}


def main_reason(prediction: Prediction) -> str:
    """What adds most to the score of all that joins the two; empty if nothing does."""
    joined = [*prediction.rules, *(p for p in prediction.paths if p.edges)]
    return max(joined, key=lambda r: r.share).text if joined else ""


def prediction_html(prediction: Prediction) -> str:
    """One prediction as a page that loads nothing; every string in it is escaped."""
    largest = max([abs(v) for v in prediction.parts.values()] + [1e-9])
    return _environment().get_template("prediction.html").render(
        p=prediction, title=prediction.title, lead=main_reason(prediction), largest=largest, part_words=PART_WORDS
    )  # fmt: skip


def write_predictions(predictions: Sequence[Prediction], folder: Path, lead: str) -> None:
    """A page for each, `index.html` that lists them, and `predictions.txt`.

    Args:
        lead: what the list is, in a sentence.

    Raises:
        ExplanationError: NS830, a page cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[Prediction, str, str]] = []
    for number, prediction in enumerate(predictions, 1):
        page = f"{number:03}-{prediction.compound_id}-{prediction.disease_id.replace(':', '')}.html"
        write_page(folder / page, prediction_html(prediction), durable=False)
        rows.append((prediction, main_reason(prediction), page))
    index = _environment().get_template("index.html").render(title="Predicted treatments", lead=lead, rows=rows)
    write_page(folder / "predictions.txt", "\n\n".join(map(str, predictions)) + "\n", durable=False)
    write_page(folder / "index.html", index)


def _environment() -> Environment:
    shared = environment()
    own = FileSystemLoader(Path(__file__).with_name("templates"))
    return shared.overlay(loader=ChoiceLoader([own, *([shared.loader] if shared.loader else [])]))
