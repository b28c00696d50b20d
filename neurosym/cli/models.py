"""`predict` and `report`: a saved model on new data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.queries import show, tell_unverified
from neurosym.cli.session import ANSWERED, Json, Session
from neurosym.cli.truth import read_truth, truth_of, with_labelled
from neurosym.errors import DataError

if TYPE_CHECKING:
    from neurosym.reasoner import Answers, Reasoner
    from neurosym.reasoner.saving import Manifest

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The folder of a saved model.")]
Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA", help="RDF, CSV facts (predicate: the file's stem), or CSV tables of the model's features."
    ),
]
Queries = Annotated[
    list[str] | None,
    typer.Option("--query", metavar="ATOM", help="May be repeated; by default, those saved with the model."),
]


def predict_command(
    session: Session, model: Model, data: Data, query: Queries = None, as_json: Json = False
) -> int:  # fmt: skip
    """Predictions of a saved model on new data.

    Nothing of its training data is used.
    """
    show(session, ask_model(session, model, data, query or []))
    return ANSWERED


def ask_model(
    session: Session, model: str, data: list[str], queries: list[str], known: Mapping[str, bool] | None = None,
    truth: str = "",
) -> Answers:  # fmt: skip
    """The answers of a saved model about new data.

    Args:
        known: atoms and entities that the table `truth` labels: these atoms are asked about, too, derived or not.
    """
    import torch

    reasoner = load_over(session, model, data)[0]
    with output.working(session.settings.quiet) as reasoner.progress, torch.no_grad():
        answers = reasoner.query(*queries)
        more = with_labelled(session, reasoner, queries, answers, known, truth) if known else queries
        answers = answers if more is queries else reasoner.query(*more)
    session.report((*reasoner.warnings, *answers.warnings))
    return answers


def load_over(session: Session, model: str, data: list[str]) -> tuple[Reasoner, Manifest]:
    """A saved model over new data, its background facts joined with them, and its manifest."""
    from neurosym.cli.data import load_data
    from neurosym.reasoner import Reasoner
    from neurosym.reasoner.saving import read_manifest

    manifest = read_manifest(model)
    session.payload["semantics"] = manifest.semantics
    reasoner = Reasoner.load(model)
    reasoner.limits = session.limits()
    prefixes = reasoner.facts.prefixes | reasoner.program.prefixes
    new = load_data(data, manifest, reasoner.program, prefixes)
    for line in new.notes:
        session.tell(f"note: {line}")
    base = new.facts if reasoner.background is None else reasoner.background + new.facts
    return reasoner.over(base, {**reasoner.features, **new.features}), manifest


def report_command(
    session: Session,
    model: Model,
    data: Data,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="The folder for the pages and their index.")],
    query: Queries = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Pages at most, the most probable answers first.")
    ] = 1000,
    truth: Annotated[
        str | None,
        typer.Option("--truth", metavar="CSV", help="What is known: an entity or an atom, then true or false."),
    ] = None,
    proofs: Annotated[int, typer.Option("--proofs", min=1, metavar="K", help="Proofs on a page.")] = 3,
    attributions: Annotated[
        bool, typer.Option("--attributions", help="Tell where in their inputs the networks looked; needs captum.")
    ] = False,
    threshold: Annotated[
        float,
        typer.Option("--threshold", min=0.0, metavar="T", help="Pages of answers under it say why not; takes longer."),
    ] = 0.0,
    processes: Annotated[
        int, typer.Option("--processes", min=0, metavar="N", help="That explain; 0: one for each core.")
    ] = 0,
) -> int:
    """Predictions, a page that explains each, an index."""
    known = read_truth(truth) if truth is not None else {}
    answers = ask_model(session, model, data, query or [], known, truth or "")
    if not answers.atoms:
        raise DataError("there is nothing to report: no answer can be derived", code="NS618")

    from neurosym.explain import explain
    from neurosym.explain.firings import rule_firings
    from neurosym.explain.report import BatchPage, in_order, write_pages

    tags = answers.tags[0].tolist()
    order = sorted(range(len(tags)), key=lambda k: (-tags[k], output.natural(answers.atoms[k])))
    if len(order) > limit:
        session.tell(f"{len(order)} answers; the {limit} most probable ones get a page (--limit)")
    truths = {k: truth_of(known, answers, k) for k in order[:limit]}
    if truth is not None and all(t is None for t in truths.values()):
        session.tell(f"note: no line of {truth} names an answer")
    assert answers.reasoner is not None
    rules = [r.label for r in answers.reasoner.program.rules if not r.is_fact]
    with output.progress("explaining", len(truths), session.settings.quiet) as step:

        def made(number: int) -> BatchPage:
            k = order[number]
            why = explain(
                answers, answers.atoms[k], proofs=proofs, attributions=attributions, threshold=threshold or None
            )
            return BatchPage.of(why.checked(), truths[k])

        def explained() -> Iterator[BatchPage]:
            for page in in_order(made, len(truths), processes or os.cpu_count() or 1):
                tell_unverified(session, page.row["atom"], page.row["verified"], page.unverified)
                yield page
                step()

        index = write_pages(out, explained(), Path(model).resolve().name, rules, firings=rule_firings(answers))
    output.show(str(index))
    return ANSWERED
