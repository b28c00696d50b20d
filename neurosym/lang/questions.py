"""What a query may ask: an atom, a negated atom, or a body, whose answers are those of a rule of its own."""

from __future__ import annotations

from collections.abc import Iterator

from neurosym.errors import Span
from neurosym.lang.ast import And, Atom, Body, Comparison, Exists, Literal, Not, Or, Query, Var
from neurosym.lang.printer import Printer
from neurosym.lang.walk import atom_variables, variables

MARK = "?- "  # what the predicate of a body is called begins with it: no program can write it without quotation marks


def query_of(body: Body, span: Span) -> Query:
    """The query for a body. Of a conjunction, the variables that occur outside negations and braces are asked for."""
    if isinstance(body, Literal):
        return Query(body.atom, None, span)
    if isinstance(body, Not) and isinstance(body.body, Literal) and list(atom_variables(body.body.atom)):
        return Query(body.body.atom, body, span)
    named = {v.name: v for v in _asked(body) if not v.anonymous}
    return Query(Atom(MARK + Printer().body(body), tuple(named.values()), span), body, span)


def _asked(body: Body) -> Iterator[Var]:
    match body:
        case Literal(atom):
            yield from atom_variables(atom)
        case Comparison(_, left, right):
            yield from variables(left)
            yield from variables(right)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _asked(part)
        case Not() | Exists():
            return
        case _:
            if (result := getattr(body, "result", None)) is not None:
                yield from variables(result)
