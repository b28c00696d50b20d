"""What is known of answers: a table of entities or atoms, each with true or false."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from neurosym.cli.session import Session
from neurosym.errors import FactError, NeurosymError, Place

if TYPE_CHECKING:
    from neurosym.lang import Value
    from neurosym.lang.ast import Atom
    from neurosym.reasoner import Answers, Reasoner

TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
NAMED = 5  # lines that are named in a note


def read_truth(path: str) -> dict[str, bool]:
    """Entity or atom → whether it holds; the first line names the columns, and the last cell of a line is the truth.

    Raises:
        FactError: NS305, a line that is no label, or one that contradicts another; NS301, NS303, the file is no CSV.
    """
    from neurosym.facts.tabular import reading

    known: dict[str, tuple[bool, Place]] = {}
    with reading(path) as sheet:
        if len(sheet.header) > 1 and sheet.header[-1].lower() in TRUTHS:
            raise FactError(
                f"{Place(path, 1)}: the first line is a label", code="NS305",
                help="write a line above it that names the columns: id,holds",
            )  # fmt: skip
        for place, cells in sheet.lines():
            holds = _truth(cells, place)
            before, where = known.setdefault(cells[0].strip().replace(" ", ""), (holds, place))
            if before is not holds:
                raise FactError(
                    f"{place}: `{cells[0].strip()}` is {str(holds).lower()} here, and {str(before).lower()} in {where}",
                    code="NS305",
                )
    return {name: holds for name, (holds, _) in known.items()}


def _truth(cells: list[str], place: Place) -> bool:
    if len(cells) > 1 and "(" in cells[0] and ")" not in cells[0]:
        raise FactError(
            f"{place}: an atom with a comma in it stands in quotation marks", code="NS305",
            help=f'"{",".join(cells[:-1])}",{cells[-1]}',
        )  # fmt: skip
    word = cells[-1].strip()
    if len(cells) < 2 or word.lower() not in TRUTHS:
        raise FactError(
            f"{place}: a line has an entity or an atom, and `{word}` at its end is no truth", code="NS305",
            help=f"one of {', '.join(TRUTHS)}",
        )  # fmt: skip
    return TRUTHS[word.lower()]


def truth_of(known: Mapping[str, bool], answers: Answers, position: int) -> bool | None:
    """What is known of an answer: by its atom, or by the first of its arguments that the file names."""
    return next((known[n] for n in names_of(answers, position) if n in known), None)


def names_of(answers: Answers, position: int) -> Iterator[str]:
    """The names under which a table may have an answer: its atom, then its arguments."""
    yield answers.atoms[position].replace(" ", "")
    for value in answers.args[position]:
        yield from spellings(value, answers.grounded.graph.prefixes)


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

    entities = {n: v for v in _entities(reasoner) for n in spellings(v, prefixes)}
    patterns = [(a, free(a)) for a in asked]
    for name in names:
        if "(" in name:
            try:
                atom = reasoner.atom(name)
            except NeurosymError:
                continue
            values = {v for a in atom.args if isinstance(a, Const) for v in spellings(a.value, prefixes)}
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


def free(atom: Atom) -> list[str]:
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


def spellings(value: Value, prefixes: Mapping[str, str]) -> list[str]:
    """The ways in which a file may name an entity: in full, with its prefix, or the name alone; without blanks."""
    from neurosym.lang import Iri, Symbol, spell

    if isinstance(value, Iri):
        alone = (value.value.removeprefix(base) for base in prefixes.values() if base and value.value.startswith(base))
        found = [spell(value, dict(prefixes)), value.value, f"<{value.value}>", *alone]
    else:
        found = [value.name if isinstance(value, Symbol) else str(value)]
    return [name.replace(" ", "") for name in found]


__all__ = ["TRUTHS", "free", "names_of", "read_truth", "spellings", "truth_of", "with_labelled"]
