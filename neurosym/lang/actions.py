# ruff: noqa: D102 - one method for each production of the grammar, which says what it reads
"""The actions of the grammar's statements: clauses, blocks, directives, constraints, tests."""

from __future__ import annotations

from typing import Any

from neurosym.lang.ast import (
    TRUE,
    Alternative,
    Const,
    Constraint,
    Evidence,
    Expectation,
    Formula,
    Include,
    Prefix,
    Query,
    Rule,
    Test,
    Var,
    Weight,
)
from neurosym.lang.builtins import FUNCTIONS
from neurosym.lang.declarations import Declarations
from neurosym.lang.expressions import unquote
from neurosym.lang.prolog import DIRECTIVES
from neurosym.lang.questions import query_of
from neurosym.lang.raw import Call, Head, Item, Logic, Paren, Raw, Word
from neurosym.lang.scanner import PL
from neurosym.lang.terms import Symbol


class Actions(Declarations):
    """All productions. A statement's action gives the statement, or None where it says nothing (`use_module`)."""

    # ---------------------------------------------------------------------------------------------- clauses

    def plain_head(self, c: list, s: int, e: int) -> Head:
        return Head(None, [c[0]], s, e)

    def weighted_head(self, c: list, s: int, e: int) -> Head:
        return Head(c[0], [c[1]], s, e)

    def negated_head(self, c: list, s: int, e: int) -> Head:
        return Head(None, [c[-1]], s, e, negated=True)

    def weighted_negated_head(self, c: list, s: int, e: int) -> Head:
        return Head(c[0], [c[-1]], s, e, negated=True)

    def plain_alternative(self, c: list, s: int, e: int) -> Head:
        return Head(None, c[0], s, e)

    def weighted_alternative(self, c: list, s: int, e: int) -> Head:
        return Head(c[0], c[1], s, e)

    def fact(self, c: list, s: int, e: int) -> Any:
        heads: list[Head] = c[0]
        first = heads[0]
        if len(heads) == 1 and not first.negated:
            atom = first.atoms[0]
            if isinstance(first.weight, Call) and first.weight.name == "nn":
                return self.nn(first.weight, atom, s, e)
            if isinstance(atom, Call) and atom.name in ("evidence", "query") and first.weight is None:
                return self._evidence(atom, s, e) if atom.name == "evidence" else self._query(atom, s, e)
        return Rule(self.alternatives_of(heads), TRUE, span=self.span(s, e))

    def clause(self, c: list, s: int, e: int) -> Rule:
        for head in c[0]:
            if isinstance(head.weight, Call) and head.weight.name == "nn":
                self.report("NS135", "an `nn(…)` declaration has no body", head.start, head.end,
                            help="end it with a dot, and write the rule apart")  # fmt: skip
                return Rule(())
        return Rule(self.alternatives_of(c[0]), self.body(c[1]), span=self.span(s, e))

    def alternatives_of(self, heads: list[Head]) -> tuple[Alternative, ...]:
        """The alternatives of a rule, with a fault for each negated one."""
        made = []
        for head in heads:
            if head.negated:
                self.report("NS121", "a rule cannot conclude a negation", head.start, head.end,
                            note="what no rule derives is false",
                            help="write an exception rule, or a constraint: `forbid …`")  # fmt: skip
                continue
            for atom in head.atoms:
                if isinstance(atom, Call) and atom.name in ("evidence", "query"):
                    self.report("NS129", f"`{atom.name}` is a directive, no predicate", atom.start, atom.name_end,
                                help=f"write `{atom.name}(…).` alone, or use another name")  # fmt: skip
            weight = None if head.weight is None else self.weight_of(head.weight)
            made.append(Alternative(tuple(map(self.atom, head.atoms)), weight))
        return tuple(made)

    def weight_of(self, raw: Raw, learn: bool = False) -> Weight:
        """`0.8`, `t(0.5)`, `t(_)`, `_` (with learn) or an expression."""
        start, end = self.bounds(raw)
        if isinstance(raw, Call) and raw.name == "t" and len(raw.args) == 1:
            learn, raw = True, raw.args[0]
        if isinstance(raw, Var) and raw.anonymous:
            if not learn:
                self.report("NS127", "`_` is no weight unless it is learned", start, end,
                            help="write `weight _ learn`, or `t(_) :: …`")  # fmt: skip
            return Weight(None, True, self.span(start, end))
        return Weight(self.expression(raw), learn, self.span(start, end))

    # --------------------------------------------------------------------------------------------- directives

    def _evidence(self, raw: Call, s: int, e: int) -> Evidence | None:
        inner, positive = raw.args[0], True
        if len(raw.args) > 2:
            self.report("NS129", f"`evidence` takes one or two arguments, not {len(raw.args)}", raw.start, raw.end)
        if isinstance(inner, Logic) and inner.kind == "not":
            inner, positive = inner.parts[0], False
        if len(raw.args) == 2:
            second = raw.args[1]
            if not (isinstance(second, Const) and isinstance(second.value, bool)):
                self.report("NS128", f"evidence is `true` or `false`, not `{self.text(second)}`", *self.bounds(second),
                            help="for uncertain evidence write a weighted fact: `0.8 :: seen(a).`")  # fmt: skip
            else:
                positive = positive == second.value
        return Evidence(self.atom(inner), positive, self.span(s, e))

    def _query(self, raw: Call, s: int, e: int) -> Query | None:
        if len(raw.args) != 1:
            self.report("NS129", f"`query` takes one atom, not {len(raw.args)} arguments", raw.start, raw.end,
                        help="a conjunction is asked for by `?- a, b.`")  # fmt: skip
        return self.question([raw.args[0]], s, e)

    def question(self, c: list, s: int, e: int) -> Query:
        return query_of(self.body(c[0]), self.span(s, e))

    def directive(self, c: list, s: int, e: int) -> Include | None:
        raw = c[0]
        name = raw.name if isinstance(raw, Call) else ""
        if name in ("consult", "ensure_loaded") and len(raw.args) == 1 and self.scan.dialect == PL:
            return self._consult(raw.args[0], s, e)
        if name == "use_module":
            library = isinstance(raw, Call) and isinstance(raw.args[0], Call) and raw.args[0].name == "library"
            note = "all built-in predicates are there without it" if library else "a rule file runs no code"
            help = "" if library else "register its functions in Python: `foreign=[…]`"
            self.report("NS133", "`use_module` is ignored", s, e, severity="warning", note=note, help=help)
            return None
        code = "NS120" if name.startswith(("assert", "retract")) else "NS134"
        help = DIRECTIVES.get(name, "a rule file only describes; remove it")
        help = 'write `@include "file.rules" .`' if name == "consult" else help
        self.report(code, f"the directive `{self.text(raw)}` is refused", s, e, help=help)
        return None

    def _consult(self, raw: Raw, s: int, e: int) -> Include:
        path = ""
        if isinstance(raw, Word) and isinstance(raw.value, Symbol):
            path = raw.value.name
        elif isinstance(raw, Const) and isinstance(raw.value, str):
            path = raw.value
        if not path:
            self.report(
                "NS134", "`consult` takes a file name", *self.bounds(raw), help="write `:- consult('file.pl').`"
            )
        elif "." not in path.rsplit("/", 1)[-1]:
            path += ".pl"
        return Include(path, self.span(s, e))

    def include(self, c: list, s: int, e: int) -> Include:
        return Include(unquote(c[1][1]), self.span(s, e))

    def prefix(self, c: list, s: int, e: int) -> Prefix:
        return Prefix(c[1], c[2][1][1:-1], self.span(s, e))

    def empty_prefix(self, c: list, s: int, e: int) -> None:
        self.report("NS115", "a prefix has a name", s, e, help="write `@prefix ex: <http://…> .`")

    def prefix_word(self, c: list, s: int, e: int) -> str:
        return c[0][1]

    def prefix_hyphen(self, c: list, s: int, e: int) -> str:
        return f"{c[0]}-{c[1][1]}"

    # ------------------------------------------------------------------------------------- constraints, tests

    def constraint(self, c: list, s: int, e: int) -> Constraint:
        return self._constraint(c[0], c[1], s, e, formula=self.formula(c[2]))

    def forbid(self, c: list, s: int, e: int) -> Constraint:
        return Constraint(None, None, self.body(c[0]), span=self.span(s, e))

    def named_forbid(self, c: list, s: int, e: int) -> Constraint:
        return self._constraint(c[0], c[1], s, e, forbids=self.body(c[2]))

    def _constraint(self, label: tuple, items: list[Item], s: int, e: int, formula: Formula | None = None,
                    forbids: Any = None) -> Constraint:  # fmt: skip
        parts = self.collect(items)
        weight = parts.get("weight")
        return Constraint(
            self.label_text(label),
            formula,
            forbids,
            self.weight_of(weight.value, weight.learn) if weight else None,
            parts["source"].value if "source" in parts else None,
            parts["because"].value if "because" in parts else None,
            self.span(s, e),
        )

    def given(self, c: list, s: int, e: int) -> Item:
        facts = [Rule(self.alternatives_of([h]), TRUE, span=self.span(h.start, h.end)) for h in c[0]]
        return Item("given", facts, s, e)

    def expect(self, c: list, s: int, e: int) -> Item:
        raw, probability = c[0], 1.0
        start, end = self.bounds(raw)
        if isinstance(raw, Logic) and raw.kind == "not":
            raw, probability = raw.parts[0], 0.0
        elif isinstance(raw, Logic) and raw.kind == "compare" and raw.extra == "=":
            value = constant_number(self.term(raw.parts[1]))
            if value is None:
                self.report("NS140", "a probability is expected here", *self.bounds(raw.parts[1]))
            elif not 0 <= value <= 1:
                self.report("NS140", f"{value:g} is no probability", *self.bounds(raw.parts[1]))
            raw, probability = raw.parts[0], value if value is not None else 0.0
        while isinstance(raw, Paren):
            raw = raw.inner
        if isinstance(raw, Logic) and raw.kind != "cut":
            self.report("NS140", "a test expects one atom", start, end,
                        help="write `expect A`, `expect not A` or `expect A = 0.3`, one for each atom")  # fmt: skip
            return Item("expect", Expectation(self.atom_placeholder(), 0.0), s, e)
        return Item("expect", Expectation(self.atom(raw), probability, self.span(start, end)), s, e)

    def test(self, c: list, s: int, e: int) -> Test:
        given = [fact for item in c[1] if item.kind == "given" for fact in item.value]
        expectations = [item.value for item in c[1] if item.kind == "expect"]
        if not expectations:
            self.report("NS140", "a test expects something", s, e, help="add `expect A`")
        return Test(unquote(c[0][1]), tuple(given), tuple(expectations), self.span(s, e))


def constant_number(term: Any) -> float | None:
    """The value of an arithmetic expression of numbers only, else None."""
    if isinstance(term, Const):
        value = term.value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if isinstance(term, Var) or term.op in FUNCTIONS:
        return None
    numbers = [constant_number(arg) for arg in term.args]
    if any(n is None for n in numbers):
        return None
    try:
        match term.op, numbers:
            case "neg", [float(a)]:
                return -a
            case "+", [float(a), float(b)]:
                return a + b
            case "-", [float(a), float(b)]:
                return a - b
            case "*", [float(a), float(b)]:
                return a * b
            case "/", [float(a), float(b)]:
                return a / b
    except ArithmeticError:
        return None
    return None
