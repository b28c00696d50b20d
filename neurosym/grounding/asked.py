"""Arithmetic in what is asked and observed: `query(p(1 + 1))` asks for `p(2)`, as a fact `p(1 + 1).` gives it."""

from __future__ import annotations

from dataclasses import replace

from neurosym.errors import GroundingError
from neurosym.facts import SymbolTable
from neurosym.grounding.builtins import Evaluator
from neurosym.lang.ast import Arithmetic, Atom, Const, Evidence, Program, Query, Term
from neurosym.lang.printer import Printer
from neurosym.lang.walk import NO_CALCULATION, calculates_with, variables


def evaluated(atom: Atom) -> Atom:
    """The atom with the values of its expressions.

    Raises:
        GroundingError: NS234 an expression has a variable in it; NS406 one has no value, NS405 one leaves 64 bits.
    """
    if not any(isinstance(term, Arithmetic) for term in atom.args):
        return atom
    if calculates_with(atom) is not None:
        shown = Printer().atom(atom)
        raise GroundingError(f"`{shown}` calculates with a variable", code="NS234", help=NO_CALCULATION)
    return constants_evaluated(atom)


def constants_evaluated(atom: Atom) -> Atom:
    """The atom with the values of those expressions that have no variables."""
    if not any(isinstance(term, Arithmetic) for term in atom.args):
        return atom
    return replace(atom, args=tuple(_value(atom, term) for term in atom.args))


def _value(atom: Atom, term: Term) -> Term:
    if not isinstance(term, Arithmetic) or next(variables(term), None) is not None:
        return term
    symbols = SymbolTable()
    operand = Evaluator(symbols).operand(term, {}, 1)
    if not operand.ok[0]:
        shown = Printer()
        raise GroundingError(
            f"`{shown.term(term)}` in `{shown.atom(atom)}` has no value", code="NS406", help="write a constant"
        )
    return Const(symbols.value(int(operand.to_ids(symbols)[0])), term.span)


def with_values(program: Program) -> Program:
    """The program with the expressions in its queries and evidence evaluated.

    Raises:
        GroundingError: as `evaluated`.
    """
    asked = (*program.queries, *program.evidence)
    if not any(isinstance(term, Arithmetic) for statement in asked for term in statement.atom.args):
        return program
    statements = tuple(
        replace(s, atom=evaluated(s.atom)) if isinstance(s, Query | Evidence) else s for s in program.statements
    )
    return replace(program, statements=statements)
