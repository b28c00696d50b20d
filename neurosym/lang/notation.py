"""How answers are spelled: as the rule language writes them; those of a program of `.pl` files as ProbLog does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from neurosym.lang.ast import (
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Exists,
    ForallIn,
    Literal,
    Not,
    Or,
    Query,
    Term,
    Var,
)
from neurosym.lang.printer import Printer
from neurosym.lang.scanner import PL, RULES
from neurosym.lang.terms import RESERVED, STANDARD_PREFIXES, Symbol, Value, quote, spell, spell_predicate
from neurosym.lang.walk import Key

FLOAT_DIGITS = 15  # ProbLog rounds every float to so many decimals


@dataclass(frozen=True)
class Notation:
    """The spelling of a program's atoms.

    Attributes:
        dialect: `rules`, or `pl` for ProbLog's.
        quoted: names that a `.pl` program always writes in quotation marks, needed or not; ProbLog keeps them.
        joint: predicate that stands for the body of a query → that query.
    """

    dialect: str = RULES
    quoted: frozenset[str] = frozenset()
    joint: Mapping[Key, Query] = field(default_factory=dict)

    @property
    def decimals(self) -> int | None:
        """To how many decimals the program's floats are rounded; None where they are not."""
        return FLOAT_DIGITS if self.dialect == PL else None

    def atom(self, key: Key, values: Sequence[Value | None], prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> str:
        """An atom of ground terms; None is a wildcard."""
        printer = self.printer(prefixes)
        asked = self.joint.get(key)
        if asked is not None and asked.body is not None:
            names = [arg.name for arg in asked.atom.args if isinstance(arg, Var)]
            known = {n: Const(v) for n, v in zip(names, values, strict=True) if v is not None}
            return printer.body(substituted(asked.body, known))
        texts = ["_" if v is None else printer.value(v) for v in values]
        return f"{printer.predicate(key[0])}({printer.comma.join(texts)})" if texts else printer.predicate(key[0])

    def printer(self, prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> Printer:
        """What spells atoms and bodies in this notation."""
        return ProblogPrinter(self.quoted, prefixes) if self.dialect == PL else Printer(prefixes)


class ProblogPrinter(Printer):
    r"""Spells atoms and the bodies of queries as ProbLog 2 prints them: `edge(1,2)`, `\+a`, `a, b(X)`."""

    comma = ","
    negation = "\\+"
    disjunction = "; "

    def __init__(self, quoted: Iterable[str] = (), prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> None:
        super().__init__(prefixes)
        self.quoted = frozenset(quoted)

    def value(self, value: Value) -> str:
        """A term."""
        if isinstance(value, Symbol):
            return self._name(value.name)
        # ProbLog's floats are Python's, rounded
        return repr(round(value, FLOAT_DIGITS)) if isinstance(value, float) else spell(value, self.prefixes)

    def predicate(self, name: str) -> str:
        """A predicate's name."""
        return spell_predicate(name, self.prefixes) if name.startswith("<") else self._name(name)

    def _name(self, name: str) -> str:
        if name in RESERVED:  # words of `.rules` files only
            return quote(name, "'") if name in self.quoted else name
        return quote(name, "'") if name in self.quoted else spell(Symbol(name))


def substituted(body: Body, values: Mapping[str, Const]) -> Body:
    """The body with constants in place of some variables."""

    def term(t: Term) -> Term:
        if isinstance(t, Var):
            return values.get(t.name, t)
        return Arithmetic(t.op, tuple(map(term, t.args))) if isinstance(t, Arithmetic) else t

    match body:
        case Literal(atom):
            return Literal(Atom(atom.predicate, tuple(map(term, atom.args))))
        case Comparison(op, left, right):
            return Comparison(op, term(left), term(right))
        case Not(inner):
            return Not(substituted(inner, values))
        case And(parts):
            return And(tuple(substituted(p, values) for p in parts))
        case Or(parts):
            return Or(tuple(substituted(p, values) for p in parts))
        case Exists(inner):
            return Exists(substituted(inner, values))
        case ForallIn(condition, then):
            return ForallIn(substituted(condition, values), substituted(then, values))
        case Aggregate(function, template, inner, op, result):
            local = {v.name for v in template if isinstance(v, Var)}
            outer = {n: v for n, v in values.items() if n not in local}
            return Aggregate(function, template, substituted(inner, outer), op, term(result))


__all__ = ["FLOAT_DIGITS", "Notation", "ProblogPrinter", "substituted"]
