"""`audit`: what can be criticised in a saved model, on data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.models import Data, Model, Queries, load_over
from neurosym.cli.session import ANSWERED, Json, Session
from neurosym.cli.truth import TRUTHS, read_truth, truth_of, with_labelled
from neurosym.errors import ExplanationError, Place

if TYPE_CHECKING:
    from neurosym.explain.audit import Audit
    from neurosym.lang.ast import NeuralDecl
    from neurosym.reasoner import Reasoner
    from neurosym.reasoner.saving import Manifest


def audit_command(
    session: Session,
    model: Model,
    data: Data,
    query: Queries = None,
    truth: Annotated[
        str | None,
        typer.Option("--truth", metavar="CSV", help="What is known: an entity or an atom, then true or false."),
    ] = None,
    concepts: Annotated[
        str | None,
        typer.Option("--concepts", metavar="CSV", help="A column of entities, then one for each labelled concept."),
    ] = None,
    least: Annotated[
        float, typer.Option("--least", min=0.0, max=1.0, metavar="P", help="Changes of probability below it are none.")
    ] = 0.01,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, metavar="S", help="For leaving out rules, and again for shortcuts.")
    ] = 60.0,
    html: Annotated[str | None, typer.Option("--html", metavar="OUT", help="Write a page as well.")] = None,
    as_json: Json = False,
) -> int:
    """Rules that never fire or mostly err, conflicts, concepts that the labels cannot identify."""
    session.payload = {"audit": None}
    found = _audit(session, model, data, query or [], truth, concepts, least, seconds)
    if html is not None:
        found.to_html(html, f"Audit of {Path(model).resolve().name}")
    if as_json:
        session.answer({"audit": found.to_dict()})
    else:
        _show(found)
        if html is not None:
            output.show(f"\n{html}")
    return ANSWERED


def _audit(
    session: Session, model: str, data: list[str], queries: list[str], truth: str | None, concepts: str | None,
    least: float, seconds: float,
) -> Audit:  # fmt: skip
    import torch

    from neurosym.explain.audit import audit
    from neurosym.learning import Batch

    reasoner, manifest = load_over(session, model, data)
    session.payload = {"audit": None}
    labels: dict[str, bool] = {}
    seen = {} if concepts is None else dict(_read_concepts(concepts, reasoner, manifest))
    with output.working(session.settings.quiet) as reasoner.progress:
        if truth is not None:
            with torch.no_grad():
                known, answers = read_truth(truth), reasoner.query(*queries)
                more = with_labelled(session, reasoner, queries, answers, known, truth)
                if more is not queries:
                    queries, answers = more, reasoner.query(*more)
            found = {atom: truth_of(known, answers, k) for k, atom in enumerate(answers.atoms)}
            labels = {atom: held for atom, held in found.items() if held is not None}
            if not labels:
                raise ExplanationError(
                    f"no line of {truth} names an answer", code="NS874", help="check the spelling of its first column",
                    note=f"the answers are {', '.join(answers.atoms[:3])} …" if answers.atoms else "there is no answer",
                )  # fmt: skip
        return audit(reasoner, Batch(tuple(queries), labels), concepts=seen or None, least=least, seconds=seconds)


def _read_concepts(path: str, reasoner: Reasoner, manifest: Manifest) -> Iterator[tuple[str, bool]]:
    """The labelled concepts of a table: neural atom → whether it holds."""
    from neurosym.cli.data import entity
    from neurosym.facts.tabular import reading
    from neurosym.lang import spell

    prefixes = reasoner.facts.prefixes | reasoner.program.prefixes
    id_prefix = next((f.id_prefix for f in manifest.features.values()), "")
    with reading(path) as sheet:
        where = sheet.header.index("id") if "id" in sheet.header else 0
        columns = {k: _concept(path, name, reasoner) for k, name in enumerate(sheet.header) if k != where}
        for place, cells in sheet.rows():
            name = spell(entity(cells[where], id_prefix, prefixes, place), prefixes)
            for k, declaration in columns.items():
                if cells[k].strip():
                    yield _labelled(place, name, declaration, cells[k].strip(), prefixes)


def _concept(path: str, name: str, reasoner: Reasoner) -> NeuralDecl:
    """The neural predicate that a column is named after."""
    for declaration in reasoner.program.neural.values():
        if declaration.name == name and len(declaration.args) == 1 + (declaration.values is not None):
            return declaration
    known = sorted({d.name for d in reasoner.program.neural.values()})
    raise ExplanationError(
        f"{path}: the column `{name}` is no concept of the model", code="NS870",
        note=f"its concepts are {', '.join(known) or 'none'}",
    )  # fmt: skip


def _labelled(
    place: Place, name: str, declaration: NeuralDecl, cell: str, prefixes: Mapping[str, str]
) -> tuple[str, bool]:
    """A cell as a labelled atom."""
    from neurosym.lang import spell

    if declaration.values is None:
        if cell.lower() not in TRUTHS:
            raise ExplanationError(f"{place}: `{cell}` is neither true nor false", code="NS872")
        return f"{declaration.name}({name})", TRUTHS[cell.lower()]
    values = [spell(v, prefixes) for v in declaration.values]
    if cell not in values:
        raise ExplanationError(
            f"{place}: `{cell}` is no value of `{declaration.name}`", code="NS872", note=f"it has {', '.join(values)}"
        )
    return f"{declaration.name}({name}, {cell})", True


def _show(found: Audit) -> None:
    from neurosym.explain.audit.sections import sections, summary

    output.show(summary(found))
    for section in sections(found):
        output.show(f"\n{section.title}\n{section.lead}")
        if section.rows:
            marked = [(("! " if k in section.doubtful else "  ") + r[0], *r[1:]) for k, r in enumerate(section.rows)]
            output.show_table((f"  {section.head[0]}", *section.head[1:]), marked, left=range(section.left))
    for warning in found.warnings:
        output.note(f"note: {warning}")
