"""A recursion measured on a sample: the same rules, grounded for some values of one argument, and scaled up.

One argument of each recursive predicate is bound, and only what the sampled values ask about is derived (magic sets,
Bancilhon et al. 1986): `path(X, Z) :- path(X, Y), edge(Y, Z)` keeps X, so a sample of X is followed and nothing else;
`sg(X, Y) :- up(X, P), sg(P, Q), up(Y, Q)` asks for P where X is asked, which `up` alone finds. Facts and firings that
begin with a sampled value are counted, and each stands for as many as there are values for one that was drawn.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from neurosym.errors import NeurosymError
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.factbase import Table
from neurosym.grounding.bodies import renamed
from neurosym.grounding.builder import Limits
from neurosym.grounding.core import AggregateStep, Builtin, Compare, CoreAtom, CoreLiteral, CoreRule, Key, Negated, Scan
from neurosym.grounding.cost.growth import Growth
from neurosym.grounding.cost.reach import Reach, entries
from neurosym.grounding.cost.statistics import Column, Relation
from neurosym.grounding.graph import DerivationGraph
from neurosym.grounding.ground import ground
from neurosym.lang import ast

PILOT, MOST = 8, 128  # values that are drawn at first, and at most; never more than half of them
ROWS = 60_000  # given facts that are loaded: more of them take too long
FACTS, FIRINGS = 200_000, 300_000


@dataclass(frozen=True)
class _Question:
    """What a recursive literal is asked about: its bound argument, and the literals that find it."""

    key: Key
    argument: str | int
    literals: tuple[CoreLiteral, ...]


@dataclass(frozen=True)
class _Plan:
    """The bound column of each predicate, and for each rule (number, head) its questions."""

    columns: dict[Key, int]
    rules: tuple[tuple[int, CoreAtom, tuple[_Question, ...]], ...]


def measure(growth: Growth, component: frozenset[Key], seconds: float, seed: int = 0) -> bool:
    """Replace the estimate of a recursive component by what a sample shows, if it can be sampled in the time.

    Args:
        seconds: in which the sample is drawn and grounded.
    """
    stop = time.monotonic() + seconds
    cone = _cone(growth, component)
    chosen = _plan(growth, component) if cone is not None else None
    if cone is None or chosen is None:
        return False
    domain = _domain(growth, chosen)
    if domain is None or not len(domain):
        return False
    shuffled = np.random.default_rng(seed).choice(domain, min(MOST, (len(domain) + 1) // 2), replace=False)
    program = _Sampled(growth, cone, chosen)
    if not program.possible:
        return False
    size, best = min(PILOT, (len(domain) + 1) // 2), None
    while True:
        graph = program.ground(shuffled[:size], stop - time.monotonic())
        if graph is None:
            break
        best = (graph, shuffled[:size])
        # the first sample says how large a second one may be; by its firings, since times differ from run to run
        factor = 0.5 * FIRINGS / max(graph.num_groundings, 1)
        larger = min(int(size * factor), MOST, (len(domain) + 1) // 2)
        if larger < 1.5 * size:
            break
        size = larger
    if best is not None:
        program.count(*best, len(domain))
    return best is not None


def _cone(growth: Growth, component: frozenset[Key]) -> set[Key] | None:
    """All predicates that a component depends on; None if a network or an aggregate is among them."""
    cone, open_ = set(component), list(component)
    while open_:
        key = open_.pop()
        if key in growth.core.neural or key in growth.core.demands:
            return None
        for number in growth.rules_of.get(key, ()):
            for literal in growth.core.rules[number].body:
                if isinstance(literal, AggregateStep):
                    return None
                if isinstance(literal, Scan | Negated) and literal.atom.key not in cone:
                    cone.add(literal.atom.key)
                    open_.append(literal.atom.key)
    return cone


def _domain(growth: Growth, chosen: _Plan) -> Ids | None:
    """The values that the bound arguments can take."""
    columns = [growth.relation(key).columns[column].values for key, column in chosen.columns.items()]
    known = [c for c in columns if c is not None]
    if len(known) < len(columns):
        return None
    return known[0] if len(known) == 1 else np.unique(np.concatenate(known)).astype(np.int32)


# -------------------------------------------------------------------------------------------------- questions


def _plan(growth: Growth, component: frozenset[Key]) -> _Plan | None:
    """The bound columns under which most recursive literals are asked about little."""
    keys = sorted(component)
    if any(not key[1] for key in keys):
        return None
    rules = [
        (n, head) for n in sorted({n for k in keys for n in growth.rules_of.get(k, ())})
        for head, _ in growth.core.rules[n].heads if head.key in component
    ]  # fmt: skip
    best: tuple[int, _Plan] | None = None
    for columns in itertools.islice(itertools.product(*(range(k[1]) for k in keys)), 64):
        of = dict(zip(keys, columns, strict=True))
        cost, planned = 0, []
        for number, head in rules:
            asked = _questions(growth.core.rules[number], head, of)
            if asked is None:
                break
            cost += sum(_cost(q, head.args[of[head.key]], component) for q in asked)
            planned.append((number, head, asked))
        else:
            if best is None or cost < best[0]:
                best = (cost, _Plan(of, tuple(planned)))
    return best[1] if best else None


def _cost(question: _Question, start: str | int | None, component: frozenset[Key]) -> int:
    """Nothing to follow, given facts to follow, or what the recursion itself derives."""
    if question.argument == start:
        return 0
    return 100 if any(isinstance(x, Scan) and x.atom.key in component for x in question.literals) else 1


def _questions(rule: CoreRule, head: CoreAtom, columns: dict[Key, int]) -> tuple[_Question, ...] | None:
    """What each recursive literal is asked about when the head's bound argument is; None if that cannot be found."""
    start = head.args[columns[head.key]]
    questions = []
    for literal in rule.body:
        if not isinstance(literal, Scan) or literal.atom.key not in columns:
            continue
        argument = literal.atom.args[columns[literal.atom.key]]
        assert argument is not None
        path = _path(rule, literal, start, argument, columns)
        if path is None:
            return None
        questions.append(_Question(literal.atom.key, argument, path))
    return tuple(questions)


def _path(
    rule: CoreRule, asked: Scan, start: str | int | None, goal: str | int, columns: dict[Key, int]
) -> tuple[CoreLiteral, ...] | None:
    """Literals that lead from the bound argument to another variable, those of finished predicates first."""
    if goal == start or isinstance(goal, int):
        return ()
    scans = [x for x in rule.body if isinstance(x, Scan) and x is not asked]
    scans.sort(key=lambda x: x.atom.key in columns)
    bound, used = {start}, []
    while goal not in bound:
        found = next((x for x in scans if x not in used and bound & x.atom.variables), None)
        if found is None:
            return None
        used.append(found)
        bound |= found.atom.variables
    return tuple(used)


# --------------------------------------------------------------------------------------------------- grounding


class _Sampled:
    """The rules of a component for the values that are asked about, with plain names for all predicates."""

    def __init__(self, growth: Growth, cone: set[Key], chosen: _Plan) -> None:
        self.growth, self.chosen = growth, chosen
        self.names = {key: f"p{k}" for k, key in enumerate(sorted(cone))}
        self.numbers: list[int] = []  # of the core rule behind each statement, -1 for a question
        statements: list[ast.Rule] = []
        for number, head, questions in chosen.rules:
            ask = self._ask(head.key, head.args[chosen.columns[head.key]])
            body = growth.core.rules[number].body
            statements.append(self._rule(self._atom(head), (ask, *self._body(body))))
            self.numbers.append(number)
            for question in questions:
                conclusion = self._ask(question.key, question.argument)
                parts = (ask, *self._body(question.literals))
                if len(parts) > 1 or conclusion != ask:
                    statements.append(self._rule(conclusion.atom, parts))
                    self.numbers.append(-1)
        for number in sorted({n for k in cone - chosen.columns.keys() for n in growth.rules_of.get(k, ())}):
            rule = growth.core.rules[number]
            for head, _ in rule.heads:
                if head.key in cone and head.key not in chosen.columns:
                    statements.append(self._rule(self._atom(head), tuple(self._body(rule.body))))
                    self.numbers.append(-1)
        self.program = ast.Program(tuple(statements))
        tables = {k: growth.given[k].table for k in cone if k in growth.given}
        self.tables = {k: t for k, t in tables.items() if t is not None}
        self.reach: Reach | None = None
        if self.large and not any(k in growth.rules_of for k in cone - chosen.columns.keys()):
            rules = [(growth.core.rules[n], head) for n, head, _ in chosen.rules]
            by = entries(rules, chosen.columns, self.tables)
            if by is not None:
                self.reach = Reach({k: growth.given[k] for k in self.tables}, by, len(growth.symbols))

    @property
    def large(self) -> bool:
        """Whether the given facts are too many to be loaded as a whole."""
        return sum(map(len, self.tables.values())) > ROWS

    @property
    def possible(self) -> bool:
        """Whether they need not be."""
        return not self.large or self.reach is not None

    def ground(self, seeds: Ids, seconds: float) -> DerivationGraph | None:
        """The graph for some values; None if it grows too large."""
        given: dict[Key, Ids] | None = self.tables
        if self.reach is not None:
            given = self.reach.rows(seeds, ROWS)
        if given is None or seconds <= 0:
            return None
        symbols, tables = self._facts(given)
        rows = symbols.intern_many(self.growth.symbols.value(i) for i in seeds.tolist())[:, None]
        asked = {(self._question(k), 1): Table(rows, np.full(len(rows), -1, np.int32)) for k in self.chosen.columns}
        try:
            return ground(self.program, FactBase(symbols, tables | asked), limits=Limits(FACTS, FIRINGS, seconds))
        except NeurosymError:
            return None

    def count(self, graph: DerivationGraph, seeds: Ids, domain: int) -> None:
        """Scale what a sample shows."""
        growth, scale = self.growth, domain / len(seeds)
        drawn = graph.symbols.intern_many(growth.symbols.value(i) for i in seeds.tolist())
        counted = np.zeros(graph.num_facts, bool)
        for key, column in self.chosen.columns.items():
            name = (self.names[key], key[1])
            if name not in graph.predicates:
                continue
            index = graph.predicates.index(name)
            rows = graph.rows[index]
            kept = np.isin(rows[:, column], drawn)
            counted[graph.fact_ids[index][kept]] = True
            growth.relations[key] = self._relation(graph, key, column, rows[kept], scale)
        _, first = np.unique(graph.head, return_index=True)
        statement = np.array([r.statement for r in graph.rules] or [0])[graph.rule]
        numbers = np.array(self.numbers)[statement]
        firings = np.bincount(numbers[counted[graph.head] & (numbers >= 0)], minlength=len(growth.tallies))
        facts = np.bincount(numbers[first][counted[graph.head[first]] & (numbers[first] >= 0)],
                            minlength=len(growth.tallies))  # fmt: skip
        for number in {n for n in self.numbers if n >= 0}:
            tally = growth.tallies[number]
            if not tally.recursive:  # what it reads is counted better than drawn
                continue
            ratio = firings[number] * scale / tally.firings if tally.firings else 1.0
            tally.join, tally.leaves = tally.join * ratio, tally.leaves * ratio
            tally.firings, tally.facts, tally.sampled = firings[number] * scale, facts[number] * scale, True
            tally.unbounded = ""

    def _relation(self, graph: DerivationGraph, key: Key, bound: int, rows: Ids, scale: float) -> Relation:
        """Rows scaled up; columns that are not bound as the sample has them, if it has enough."""
        old = self.growth.relation(key)
        total = len(rows) * scale
        columns = []
        for k, column in enumerate(old.columns):
            if k == bound or not len(rows):
                columns.append(column.to(total))
                continue
            values, counts = np.unique(rows[:, k], return_counts=True)
            if len(rows) < 20 * len(values):  # most of the column's values were not drawn
                columns.append(column.to(total))
                continue
            ids = self.growth.symbols.intern_many(graph.symbols.values(values))
            order = np.argsort(ids)
            columns.append(Column.of(ids[order], counts[order].astype(np.float64) * scale))
        return Relation(total, tuple(columns), possible=old.possible)

    def _facts(self, tables: Mapping[Key, Ids]) -> tuple[SymbolTable, dict[Key, Table]]:
        """The given facts over a small table of terms: of the whole one, loading would copy every term."""
        used = [t.ravel() for t in tables.values()]
        ids = np.unique(np.concatenate(used)) if used else np.zeros(0, np.int32)
        symbols = SymbolTable()
        new = symbols.intern_many(self.growth.symbols.values(ids))
        facts = {}
        for key, table in tables.items():
            rows = new[np.searchsorted(ids, table)] if table.size else table
            facts[self.names[key], key[1]] = Table(rows, np.full(len(rows), -1, np.int32))
        return symbols, facts

    # ------------------------------------------------------------------------------------------------- syntax

    def _question(self, key: Key) -> str:
        return f"asked_{self.names[key]}"

    def _ask(self, key: Key, argument: str | int | None) -> ast.Literal:
        return ast.Literal(ast.Atom(self._question(key), (self._term(argument, "_"),)))

    @staticmethod
    def _rule(head: ast.Atom, body: tuple[ast.Body, ...]) -> ast.Rule:
        return ast.Rule((ast.Alternative((head,)),), ast.And(body))

    def _atom(self, atom: CoreAtom) -> ast.Atom:
        args = tuple(self._term(a, f"_{k}") for k, a in enumerate(atom.args))
        return ast.Atom(self.names[atom.key], args)

    def _term(self, arg: str | int | None, wildcard: str) -> ast.Term:
        if isinstance(arg, int):
            return ast.Const(self.growth.symbols.value(arg))
        return ast.Var(_variable(arg) if arg is not None else wildcard)

    def _body(self, literals: Iterable[CoreLiteral]) -> Iterator[ast.Body]:
        for literal in literals:
            match literal:
                case Scan(atom):
                    yield ast.Literal(self._atom(atom))
                case Negated(atom) if not self.growth.relation(atom.key).possible:
                    yield ast.Not(ast.Literal(self._atom(atom)))
                case Compare(op, left, right, negated):
                    test = ast.Comparison(op, _plain(left), _plain(right))
                    yield ast.Not(test) if negated else test
                case Builtin(name, args, negated):
                    call = ast.Literal(ast.Atom(name, tuple(map(_plain, args))))
                    yield ast.Not(call) if negated else call


def _variable(name: str) -> str:
    """Names that normalising makes would meet those that it makes again."""
    return name.replace("#", "H_")


def _plain(term: ast.Term) -> ast.Term:
    from neurosym.grounding.bodies import variables_of

    return renamed(term, {v: _variable(v) for v in variables_of(term)})


__all__ = ["measure"]
