"""Foreign predicates: asks Python functions, a batch of distinct inputs at a time, and remembers what they answered."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosym.errors import GroundingError, LimitError, Span
from neurosym.facts import Ids, SymbolTable
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.builder import Limits
from neurosym.grounding.builtins import Evaluator, Operand
from neurosym.grounding.columns import Long, Tuples, expand
from neurosym.grounding.core import CoreProgram, CoreRule, ForeignCall
from neurosym.grounding.declared import misfits, type_name
from neurosym.lang.ast import Argument, Var
from neurosym.lang.foreign import Foreign
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, LangString, Symbol, TypedLiteral, Value, spell, term_key

Solutions = list[tuple[Value, ...]]
_TERMS = frozenset({bool, str, datetime.date, Symbol, Iri, LangString, TypedLiteral})  # numbers have a range


class Answers:
    """What the function of one foreign predicate answered so far: solutions of each distinct row of inputs."""

    def __init__(self, foreign: Foreign) -> None:
        self.foreign = foreign
        self._rows = Tuples(len(foreign.inputs))
        self._counts: Long = np.zeros(0, np.int64)
        self._solutions: Ids = np.zeros((0, len(foreign.outputs)), np.int32)

    def unknown(self, rows: Ids) -> Ids:
        """(k, inputs) the distinct rows that were not asked before, each once; they count as asked from now on."""
        before = self._rows.size
        numbers = self._rows.find_or_add(rows)
        fresh = np.nonzero(numbers >= before)[0]
        _, first = np.unique(numbers[fresh], return_index=True)
        return rows[fresh[first]]

    def add(self, counts: Long, solutions: Ids) -> None:
        """What the function answered to the rows that `unknown` gave: how many solutions each has, and all of them."""
        self._counts = np.concatenate([self._counts, counts])
        self._solutions = np.concatenate([self._solutions, solutions])

    def of(self, rows: Ids) -> tuple[Long, Ids]:
        """For (n, inputs) rows that were asked: (m,) which row each solution is of, and the (m, outputs) solutions."""
        numbers = self._rows.find(rows)
        starts = np.cumsum(self._counts) - self._counts
        which, at = expand(starts[numbers], self._counts[numbers])
        return which, self._solutions[at]

    def total(self, rows: Ids) -> int:
        """How many solutions rows that were asked have together."""
        return int(self._counts[self._rows.find(rows)].sum())

    def known(self, row: Ids) -> bool:
        """Whether a row (1, inputs) was asked."""
        return bool(self._rows.find(row)[0] >= 0)


@dataclass
class ForeignCalls:
    """Evaluates foreign literals over bindings."""

    symbols: SymbolTable
    evaluator: Evaluator
    program: CoreProgram
    limits: Limits
    types: dict[tuple[str, int], tuple[Argument, ...]]  # declared arguments, where the rule file declares any

    def join(self, literal: ForeignCall, rule: CoreRule, table: Bindings, live: frozenset[str]) -> Bindings:
        """Filter by a foreign predicate, or bind its `-` arguments, once for each solution.

        Raises:
            GroundingError: NS423 the function failed; NS424 it gave something that is no answer.
        """
        foreign = literal.foreign
        operands = {k: self._operand(a, table) for k, a in enumerate(literal.args)}
        fine = np.logical_and.reduce([np.ones(table.n, bool), *(o.ok for o in operands.values() if o is not None)])
        rows = np.zeros((table.n, len(foreign.inputs)), np.int32)
        for column, position in enumerate(foreign.inputs):
            operand = operands[position]
            assert operand is not None, "planned before its inputs were bound"
            rows[:, column] = operand.to_ids(self.symbols)
        asked = np.nonzero(fine)[0]
        answers = self._ask(literal, rule, rows[asked])
        total = answers.total(rows[asked])
        if total > self.limits.firings:
            raise LimitError(
                f"{foreign.name}/{foreign.key[1]} gives {total:,} solutions, more than {self.limits.firings:,}",
                help="let the function give fewer solutions, or raise --max-firings",
            )
        which, solutions = answers.of(rows[asked])
        which = asked[which]
        new: dict[str, Ids] = {}
        keep = np.ones(len(which), bool)
        for column, position in enumerate(foreign.outputs):
            arg, operand, found = literal.args[position], operands[position], solutions[:, column]
            if operand is not None:
                keep &= operand.to_ids(self.symbols)[which] == found
            elif isinstance(arg, Var):
                keep &= new.setdefault(arg.name, found) == found  # the same free variable twice
        if literal.negated:
            dropped = np.zeros(table.n, bool)
            dropped[which[keep]] = True
            return table.take(~dropped & fine, live)
        result = table.take(which[keep], live)
        result.columns |= {name: ids[keep] for name, ids in new.items() if name in live}
        return result

    def _operand(self, arg: Any, table: Bindings) -> Operand | None:
        """The values of an argument; None for a variable that is not bound."""
        if isinstance(arg, Var) and arg.name not in table.columns:
            return None
        return self.evaluator.operand(arg, table.columns, table.n)

    def _ask(self, literal: ForeignCall, rule: CoreRule, rows: Ids) -> Answers:
        """The answers of a predicate, after its function was asked about the rows that are new."""
        foreign = literal.foreign
        answers = self.program.answers.setdefault(foreign.key, Answers(foreign))
        fresh = answers.unknown(rows)
        if len(fresh):
            statement = self.program.statements[rule.statement]
            fault = _Fault(foreign, statement.label, literal.span)
            found = _called(foreign, [self.symbols.values(c) for c in fresh.T.tolist()], len(fresh), fault)
            counts = np.array([len(solutions) for solutions in found], np.int64)
            flat = [self.symbols.intern(v) for solutions in found for solution in solutions for v in solution]
            ids = np.array(flat, np.int32).reshape(int(counts.sum()), len(foreign.outputs))
            self._check_types(foreign, ids, fault)
            answers.add(counts, ids)
        return answers

    def _check_types(self, foreign: Foreign, solutions: Ids, fault: _Fault) -> None:
        declared = self.types.get(foreign.key, ())
        for column, position in enumerate(foreign.outputs) if declared else ():
            type_ = declared[position].type
            wrong = misfits(solutions[:, column], type_, self.symbols)
            if wrong.any():
                value = spell(self.symbols.value(int(solutions[wrong, column][0])))
                raise fault(
                    f"gave `{value}` for `{declared[position].name}`, which is no {type_name(type_)}",
                    "correct the function, or the declaration",
                )


@dataclass(frozen=True)
class _Fault:
    """Makes errors that name the predicate, the rule and the place."""

    foreign: Foreign
    rule: str
    span: Span

    def __call__(self, message: str, help: str, code: str = "NS424") -> GroundingError:
        name = f"{self.foreign.name}/{self.foreign.key[1]}"
        note = f"in rule `{self.rule}` ({self.span}); it is registered as `{self.foreign.signature}`"
        return GroundingError(f"the function of `{name}` {message}", code=code, note=note, help=help)


def _called(foreign: Foreign, columns: list[list[Value]], n: int, fault: _Fault) -> list[Solutions]:
    """Call a function; gives the solutions of each row."""
    try:
        given = foreign.function(*columns)
    except Exception as error:
        rows = "" if not columns else f"; the first of {n:,} rows: {', '.join(spell(c[0]) for c in columns)}"
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise fault(
            f"failed: {what}{rows}", "it is given a list for each `+` argument, and gives a list", "NS423"
        ) from error
    plural = "answers" if n > 1 else "answer"
    shape = "a list with an answer for each row of its inputs" if columns else "a list with one answer"
    listed = _listed(given)
    if listed is None:
        raise fault(f"gave {_described(given)} where {n:,} {plural} are wanted", f"give {shape}")
    if len(listed) != n:
        raise fault(f"gave {len(listed):,} answers for {n:,} rows", f"give {shape}")
    read = _truth if not foreign.outputs else _solutions
    return [read(answer, len(foreign.outputs), fault) for answer in listed]


def _listed(given: Any) -> list[Any] | None:
    """What a function gave as a list; rows of a matrix as tuples. None if it is no sequence."""
    if isinstance(given, np.ndarray) and given.ndim == 2:
        return [tuple(row) for row in given.tolist()]
    if not isinstance(given, Sequence) and hasattr(given, "tolist"):  # NumPy, pandas, torch
        given = given.tolist()
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str | bytes) else None


def _truth(answer: Any, _: int, fault: _Fault) -> Solutions:
    answer = answer.item() if isinstance(answer, np.bool_) else answer
    if not isinstance(answer, bool):
        raise fault(f"gave {_described(answer)} where true or false is wanted", "it has no `-` argument: it is a test")
    return [()] if answer else []


def _solutions(answer: Any, width: int, fault: _Fault) -> Solutions:
    """The solutions in one answer: none, one, or a list; equal ones once."""
    if answer is None:
        return []
    if not isinstance(answer, list):
        return [_solution(answer, width, fault)]
    found = [_solution(one, width, fault) for one in answer]
    return list({tuple(map(term_key, solution)): solution for solution in found}.values())


def _solution(one: Any, width: int, fault: _Fault) -> tuple[Value, ...]:
    if width > 1 or isinstance(one, tuple):
        if not isinstance(one, tuple) or len(one) != width:
            what = f"a tuple of {len(one)}" if isinstance(one, tuple) else _described(one)
            wanted = f"a tuple of {width} values" if width > 1 else "one value"
            raise fault(f"gave {what} where {wanted} is wanted", "give a value for each `-` argument")
        return tuple(_value(v, fault) for v in one)
    return (_value(one, fault),)


def _value(given: Any, fault: _Fault) -> Value:
    """A term from what a function gave; NumPy's numbers become Python's."""
    if isinstance(given, np.generic):
        given = given.item()
    if type(given) in _TERMS:
        return given
    if isinstance(given, int):
        if not INT64_MIN <= given <= INT64_MAX:
            raise fault(f"gave {given}, which does not fit into 64 bits", "give a float")
        return int(given)
    if isinstance(given, float):
        if math.isnan(given):
            raise fault("gave NaN, which is no value", "give None where there is no answer")
        return float(given)
    if isinstance(given, str):
        return str(given)
    raise fault(
        f"gave {_described(given)}, which is no value of the language",
        "values are int, float, bool, str, datetime.date, Symbol, Iri, LangString and TypedLiteral",
    )


def _described(given: Any) -> str:
    text = repr(given)
    return f"{text if len(text) <= 60 else text[:57] + '…'} ({type(given).__name__})"
