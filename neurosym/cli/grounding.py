"""`ground`: what grounding costs, foreseen or measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.queries import Facts
from neurosym.cli.session import ANSWERED, Json, Session

if TYPE_CHECKING:
    from neurosym.facts import FactBase
    from neurosym.grounding import DerivationGraph, Forecast
    from neurosym.lang import Program
    from neurosym.lang.ast import Atom


def ground_command(
    session: Session,
    files: Files,
    facts: Facts = None,
    query: Annotated[
        list[str] | None,
        typer.Option("--query", metavar="ATOM", help="May be repeated; asked beside the files' own queries."),
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Estimate facts and firings of each rule, and ground nothing.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Say what grounding costs: facts and firings of each rule."""
    from neurosym.cli.data import load_facts
    from neurosym.grounding.tables import matched
    from neurosym.lang import parse_atom, parse_files
    from neurosym.reasoner.doubts import Mentioned, unread_tables

    session.payload = {"forecast" if forecast else "ground": None}
    base = load_facts(facts or [])
    program = parse_files(files, base.predicates)
    session.report(program.warnings)
    atoms = [parse_atom(q, base.prefixes | program.prefixes) for q in query or []]
    base, doubts = matched(program, base)
    session.report((*doubts, *(unread_tables(base, program, Mentioned(program), atoms) if base.headers else ())))
    if forecast:
        from neurosym.grounding import forecast as foresee

        found = foresee(program, base, atoms, limits=session.limits(), seed=session.settings.seed)
        if as_json:
            session.answer({"forecast": found.to_dict()})
        else:
            _show_forecast(found)
        return ANSWERED
    payload = _ground(session, program, base, atoms)
    if as_json:
        session.answer({"ground": payload})
    else:
        _show_grounding(payload)
    return ANSWERED


def _show_forecast(found: Forecast) -> None:
    rows = [
        (r.label, _number(r.facts, r.sampled), _number(r.firings, r.sampled), _number(r.join, r.sampled), r.reason)
        for r in found.rules
    ]
    if rows:
        output.show_table(("rule", "facts", "firings", "largest join", "because"), rows, left=(0, 4))
        output.show("")
    if found.sampled:
        output.show("* scaled up from a sample; all else from counts of the facts")
    output.show(f"given: {found.given:,} facts")
    output.show(f"in all: {found.summary()}")
    if found.worst is not None:
        output.show(f"costs most: {found.worst.label} ({found.worst.place}): {found.worst.reason}")
    output.show(found.verdict())


def _number(value: int, sampled: bool) -> str:
    text = f"{value:,}" if value < 10**15 else f"{value:.0e}"
    return text + "*" if sampled else text


def _ground(session: Session, program: Program, base: FactBase, atoms: list[Atom]) -> dict[str, Any]:
    """Ground, and count."""
    from neurosym.cli.watch import resident_megabytes
    from neurosym.grounding import ground
    from neurosym.grounding.cost.forecast import sample_inputs

    asked = [*atoms, *(s.atom for s in (*program.queries, *program.evidence))]
    began = time.monotonic()
    with output.working(session.settings.quiet) as progress:
        graph = ground(
            program, base, slots=sample_inputs(program, asked), queries=atoms, limits=session.limits(),
            progress=progress,
        )  # fmt: skip
    seconds = time.monotonic() - began
    return {
        "predicates": _predicates(program, base, graph),
        "rules": _rules(program, graph),
        "facts": graph.num_facts,
        "firings": graph.num_groundings,
        "choices": sum(len(g.facts) for g in graph.choices),
        "rounds": int(graph.rank.max(initial=0)),
        "seconds": seconds,
        "megabytes": resident_megabytes(),
    }


def _predicates(program: Program, base: FactBase, graph: DerivationGraph) -> list[dict[str, Any]]:
    from neurosym.grounding import relation_sizes
    from neurosym.lang import spell_predicate

    prefixes = base.prefixes | program.prefixes
    sizes = relation_sizes(graph)
    return [
        {"predicate": f"{spell_predicate(name, prefixes)}/{arity}", "facts": n} for (name, arity), n in sizes.items()
    ]


def _rules(program: Program, graph: DerivationGraph) -> list[dict[str, Any]]:
    """Firings of each statement, and the facts that it was the first to derive."""
    import numpy as np

    statements = np.array([r.statement for r in graph.rules], np.int64)
    of = statements[graph.rule] if len(statements) else np.zeros(0, np.int64)
    _, first = np.unique(graph.head, return_index=True)
    firings = np.bincount(of, minlength=len(program.rules))
    facts = np.bincount(of[first], minlength=len(program.rules))
    return [
        {"rule": r.label, "place": str(r.span), "facts": int(facts[k]), "firings": int(firings[k])}
        for k, r in enumerate(program.rules)
        if not r.is_fact or firings[k]
    ]


def _show_grounding(found: dict[str, Any]) -> None:
    output.show_table(("predicate", "facts"), [(p["predicate"], f"{p['facts']:,}") for p in found["predicates"]])
    output.show("")
    if found["rules"]:
        rows = [(r["rule"], f"{r['facts']:,}", f"{r['firings']:,}") for r in found["rules"]]
        output.show_table(("rule", "facts", "firings"), rows)
        output.show("")
    output.show(
        f"in all: {found['facts']:,} facts, {found['firings']:,} firings and {found['choices']:,} choices in "
        f"{found['rounds']:,} rounds"
    )
    output.show(f"{found['seconds']:.3g} s; the process occupies {found['megabytes']:,.0f} MB")


__all__ = ["ground_command"]
