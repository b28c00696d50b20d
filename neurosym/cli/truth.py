"""What is known of answers: a table of entities or atoms, each with true or false."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from neurosym.cli.session import Session
from neurosym.errors import FactError, NeurosymError

if TYPE_CHECKING:
    from neurosym.lang import Value
    from neurosym.lang.ast import Atom
    from neurosym.reasoner import Answers, Reasoner

TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
NAMED = 5  # lines that are named in a note


def read_truth(path: str) -> dict[str, bool]:
    """Entity or atom → whether it holds."""
    from neurosym.facts.tabular import reading

    known: dict[str, bool] = {}
    with reading(path) as sheet:
        for place, cells in sheet.lines():
            word = cells[-1].strip().lower()
            if len(cells) < 2 or word not in TRUTHS:
                raise FactError(f"{place}: a line has an entity or atom, then true or false", code="NS305")
            known[cells[0].strip().replace(" ", "")] = TRUTHS[word]
    return known


def truth_of(known: Mapping[str, bool], answers: Answers, position: int) -> bool | None:
    """What is known of an answer: by its atom, or by the first of its arguments that the file names."""
    return next((known[n] for n in names_of(answers, position) if n in known), None)


def names_of(answers: Answers, position: int) -> Iterator[str]:
    """The names under which a table may have an answer: its atom, then its arguments."""
    yield answers.atoms[position].replace(" ", "")
    for value in answers.args[position]:
        yield from _names(value, answers.grounded.graph.prefixes)


def with_labelled(
    session: Session, reasoner: Reasoner, queries: list[str], answers: Answers, known: Mapping[str, bool], path: str
) -> list[str]:
    """The queries, and the labelled atoms that are none of their answers: what is not derived has probability 0.

    A line that names neither an answer nor anything in the data is told of.

    Args:
        answers: of the queries; path: of the table.
    """
    told = {n for k in range(len(answers.atoms)) for n in names_of(answers, k)}
    left = [name for name in known if name not in told]
    if not left or answers.reasoner is not reasoner:  # queries that are conjunctions have atoms of their own
        return queries
    printer = reasoner.program.notation.printer(reasoner.facts.prefixes | reasoner.program.prefixes)
    found = dict(_labelled(reasoner, answers.query, left, answers.grounded.graph.prefixes))
    lost = [name for name in left if name not in found]
    if lost:
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        session.tell(
            f"note: {path} names {', '.join(lost[:NAMED])}{more}, which is neither an answer nor in the data: "
            "not counted"
        )
    if not found:
        return queries
    asked = queries or [printer.atom(a) for a in answers.query]
    return [*asked, *dict.fromkeys(printer.atom(a) for a in found.values())]


def _labelled(
    reasoner: Reasoner, asked: Iterable[Atom], names: list[str], prefixes: dict[str, str]
) -> Iterator[tuple[str, Atom]]:
    """Name in the table → the atom that it labels, where there is one and its entities are in the data."""
    from neurosym.lang.ast import Const

    entities = {n: v for v in _entities(reasoner) for n in _names(v, prefixes)}
    patterns = [(a, _free(a)) for a in asked]
    for name in names:
        if "(" in name:
            try:
                atom = reasoner.atom(name)
            except NeurosymError:
                continue
            values = {v for a in atom.args if isinstance(a, Const) for v in _names(a.value, prefixes)}
            if any(_matches(p, atom) for p, _ in patterns) and not values.isdisjoint(entities):
                yield name, atom
        elif name in entities:
            atom = next((_filled(p, free[0], entities[name]) for p, free in patterns if len(free) == 1), None)
            if atom is not None:
                yield name, atom


def _entities(reasoner: Reasoner) -> Iterator[Value]:
    """What the facts speak of."""
    symbols = reasoner.facts.symbols
    ids = {i for table in reasoner.facts.tables.values() for row in table.rows.tolist() for i in row}
    return iter(symbols.values(sorted(ids)))


def _free(atom: Atom) -> list[str]:
    """The variables of an atom, each once."""
    from neurosym.lang.ast import Var

    return list(dict.fromkeys(a.name for a in atom.args if isinstance(a, Var)))


def _filled(atom: Atom, variable: str, value: Value) -> Atom:
    from neurosym.lang.ast import Atom, Const, Var

    args = tuple(Const(value) if isinstance(a, Var) and a.name == variable else a for a in atom.args)
    return Atom(atom.predicate, args)


def _matches(pattern: Atom, atom: Atom) -> bool:
    """Whether a ground atom is one that a query asks about."""
    from neurosym.lang.ast import Const

    if pattern.key != atom.key or not all(isinstance(a, Const) for a in atom.args):
        return False
    return all(not isinstance(p, Const) or p == a for p, a in zip(pattern.args, atom.args, strict=True))


def _names(value: Value, prefixes: dict[str, str]) -> list[str]:
    """The ways in which a file may name an entity: in full, with its prefix, or the name alone."""
    from neurosym.lang import Iri, Symbol, spell

    if isinstance(value, Iri):
        shown = spell(value, prefixes)
        return [shown, value.value, f"<{value.value}>", shown.partition(":")[2]]
    return [value.name if isinstance(value, Symbol) else str(value)]


__all__ = ["TRUTHS", "read_truth", "truth_of", "with_labelled"]
