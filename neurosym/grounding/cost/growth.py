"""What a program derives, estimated component by component from the statistics of its facts; nothing is joined.

A recursive component is iterated in semi-naive rounds over histograms, as grounding itself goes, until it stops growing
or the rounds are too many; the rest is then a geometric series, and no relation outgrows the product of its domains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx
import numpy as np

from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.grounding.core import (
    TRIPLE,
    AggregateStep,
    Builtin,
    Compare,
    CoreProgram,
    CoreRule,
    ForeignCall,
    GroundFact,
    Key,
    Negated,
    Scan,
)
from neurosym.grounding.cost.endless import endless
from neurosym.grounding.cost.estimate import Bodies, State, Step
from neurosym.grounding.cost.statistics import Column, Relation, combined, distinct_rows, merged
from neurosym.grounding.load import as_triples
from neurosym.grounding.plan import plan

ROUNDS = 200
WORK = 8e6  # rows of tables that the rounds of one component may look at


@dataclass
class Tally:
    """What one core rule is expected to do.

    Attributes:
        firings: groundings, one for each head; `facts`: what it derives first; `leaves`: of its choices.
        literals: body literals that are kept with each firing.
        worst: its largest join, and `join` its rows.
    """

    firings: float = 0.0
    facts: float = 0.0
    leaves: float = 0.0
    literals: float = 0.0
    join: float = 0.0
    worst: Step | None = None
    steps: tuple[Step, ...] = ()
    recursive: bool = False
    sampled: bool = False
    unbounded: str = ""


@dataclass
class _Deltas:
    """The relations of a component in a round: what was known a round before, and what was derived since.

    Attributes:
        made: derived in the last round, known or not; `share`: of these, the new ones. Following the new ones alone
            would thin out later rounds by what earlier ones only might have known: a chain derives nothing twice.
        series: new facts of each round.
    """

    older: dict[Key, Relation]
    made: dict[Key, Relation]
    share: dict[Key, float] = field(default_factory=dict)
    series: list[float] = field(default_factory=list)


class Growth:
    """The estimate of a whole program.

    Args:
        wanted: predicates whose given facts are loaded.
        slots: term ids of the per-sample inputs.
    """

    def __init__(
        self, core: CoreProgram, symbols: SymbolTable, base: FactBase, wanted: set[Key], slots: Ids, cap: float
    ) -> None:
        self.core, self.symbols, self.cap = core, symbols, cap
        self.relations: dict[Key, Relation] = {}
        self.tallies = [Tally() for _ in core.rules]
        self.asked: dict[Key, Relation] = {}
        self.groups: dict[Key, Relation] = {}
        self.extra_facts = self.extra_firings = 0.0
        self.bodies = Bodies(core, symbols, self.relation, self._demand, self.ask, slots)
        self.rules_of: dict[Key, list[int]] = {}
        for number, rule in enumerate(core.rules):
            for head, _ in rule.heads:
                self.rules_of.setdefault(head.key, []).append(number)
        self._load(base, wanted)
        self.inputs = sum(r.rows for r in self.relations.values())
        self.given = dict(self.relations)

    def relation(self, key: Key) -> Relation:
        """What is known about a predicate."""
        return self.relations.get(key) or Relation.empty(key[1])

    # ----------------------------------------------------------------------------------------------- inputs

    def _load(self, base: FactBase, wanted: set[Key]) -> None:
        tables: dict[Key, list[Ids]] = {}
        for key, table in base.tables.items():
            target, rows = self.core.aliases.get(key, key), table.rows
            if self.core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
                target, rows = TRIPLE, as_triples(self.symbols, target, rows)
            if target in wanted:
                tables.setdefault(target, []).append(rows)
        possible: set[Key] = set()
        texts: dict[Key, list[GroundFact]] = {}
        for fact in self.core.facts:
            texts.setdefault(fact.key, []).append(fact)
        for key, facts in texts.items():
            tables.setdefault(key, []).append(np.array([f.args for f in facts], np.int32).reshape(len(facts), key[1]))
            if any(f.weight is not None or f.parameter is not None for f in facts):
                possible.add(key)
        for key, parts in tables.items():
            rows = parts[0]
            if len(parts) > 1 or key in texts:
                rows = np.unique(np.concatenate(parts), axis=0) if key[1] else parts[0][:1]
            self.relations[key] = Relation.given(rows, len(self.symbols), key in possible)

    # -------------------------------------------------------------------------------------------- components

    def components(self) -> list[frozenset[Key]]:
        """Strongly connected components of the predicates, lowest first."""
        graph: nx.DiGraph = nx.DiGraph()
        graph.add_nodes_from(self.rules_of)
        questions = set(self.core.demands.values())
        for rule in self.core.rules:
            for head, _ in rule.heads:
                for key in _reads(rule):
                    if key not in questions:
                        graph.add_edge(key, head.key)
        return _lowest_first(graph)

    def component(self, component: frozenset[Key]) -> list[int]:
        """Estimate one component; gives the numbers of its recursive rules."""
        keys = component - self.core.demands.keys()
        numbers = sorted({n for key in keys for n in self.rules_of.get(key, ())})
        inside = {n: self._inside(self.core.rules[n], component) for n in numbers}
        for number in numbers:
            if not inside[number]:
                for key, made in self._fire(number, {}, None, component):
                    self._add(number, key, made)
        recursive = [n for n in numbers if inside[n]]
        if recursive:
            for n in recursive:
                self.tallies[n].recursive = True
            self._rounds(component, recursive, inside)
        return recursive

    def _inside(self, rule: CoreRule, component: frozenset[Key]) -> list[int]:
        return [
            k for k, x in enumerate(rule.body)
            if isinstance(x, Scan) and x.atom.key in component and x.atom.key not in self.core.neural
        ]  # fmt: skip

    def _rounds(self, component: frozenset[Key], recursive: list[int], inside: dict[int, list[int]]) -> None:
        deltas = _Deltas({k: Relation.empty(k[1]) for k in component}, {k: self.relation(k) for k in component})
        work = 1.0 + sum(
            self.relation(x.atom.key).rows * len(inside[n])
            for n in recursive for x in self.core.rules[n].body
            if isinstance(x, Scan) and self.relation(x.atom.key).table is not None
        )  # fmt: skip
        most = int(max(6, min(ROUNDS, WORK / work)))
        for _ in range(most):
            before = {n: (self.tallies[n].firings, self.tallies[n].facts) for n in recursive}
            made_now: dict[Key, Relation] = {k: Relation.empty(k[1]) for k in component}
            fresh_now = dict.fromkeys(component, 0.0)
            known = {key: self.relation(key) for key in component}
            for number in recursive:
                body = self.core.rules[number].body
                for at, position in enumerate(inside[number]):
                    windows: dict[int, Relation] = {}
                    for other_at, other in enumerate(inside[number]):
                        key = body[other].atom.key  # pyright: ignore[reportAttributeAccessIssue]
                        source = deltas.older if other_at < at else deltas.made if other_at == at else known
                        windows[other] = source[key]
                    if windows[position].rows <= 0:
                        continue
                    share = deltas.share.get(body[position].atom.key, 1.0)  # pyright: ignore[reportAttributeAccessIssue]
                    for key, made in self._fire(number, windows, position, component, share):
                        fresh = self._add(number, key, made)
                        made_now[key] = merged(made_now[key], made if key[1] > 1 else fresh)
                        fresh_now[key] += fresh.rows
            grown = sum(fresh_now.values())
            deltas.series.append(grown)
            deltas.older, deltas.made = known, made_now
            deltas.share = {k: min(1.0, fresh_now[k] / max(r.rows, 1e-300)) for k, r in made_now.items()}
            total = sum(self.relation(k).rows for k in component)
            if grown <= max(1e-3 * total, 1e-2) or total > 100 * self.cap:
                if total > 100 * self.cap:
                    break
                return
            last = {n: (self.tallies[n].firings - f, self.tallies[n].facts - d) for n, (f, d) in before.items()}
        else:
            self._rest(component, recursive, deltas.series, last)

    def _rest(
        self, component: frozenset[Key], recursive: list[int], series: list[float],
        last: dict[int, tuple[float, float]],
    ) -> None:  # fmt: skip
        """What the rounds that were not made would add: a geometric series, or what the domains leave room for."""
        ratio = (series[-1] / series[-4]) ** (1 / 3) if len(series) > 4 and series[-4] > 0 else 1.0
        total = sum(self.relation(k).rows for k in component)
        arithmetic = endless([self.core.rules[n] for n in recursive]) if ratio > 0.98 else None
        if arithmetic is not None:
            text, rounds = arithmetic
            if rounds is None:
                for n in recursive:
                    self.tallies[n].unbounded = text
                factor = max(1.0, self.cap / max(series[-1], 1e-9))
            else:
                factor = max(0.0, rounds - len(series))
        else:
            room = sum(self.relation(k).room for k in component)
            factor = ratio / (1 - ratio) if ratio < 1 else np.inf
            factor = min(factor, max(0.0, room - total) / max(series[-1], 1e-9))
        for n, (firings, facts) in last.items():
            self.tallies[n].firings += firings * factor
            self.tallies[n].facts += facts * factor
        grown = 1 + series[-1] * factor / max(total, 1e-9)
        for key in component:
            relation = self.relation(key)
            self.relations[key] = relation.to(relation.rows * grown)

    # ------------------------------------------------------------------------------------------------ firing

    def _fire(
        self, number: int, windows: dict[int, Relation], first: int | None, heads: frozenset[Key] | None,
        share: float = 1.0,
    ) -> list[tuple[Key, Relation]]:  # fmt: skip
        """The facts that a rule is expected to derive, for each head; counts a share of its firings."""
        rule, tally = self.core.rules[number], self.tallies[number]
        state, steps, literals = State(), [], 0.0
        for step in plan(rule, self.core, self.relation, first):
            before = state.n
            match step.literal:
                case Scan(atom, record):
                    state, done = self.bodies.scan(state, atom, windows.get(step.position))
                    steps.append(done)
                    literals += record
                case Negated(atom):
                    state = self.bodies.negated(state, atom)
                    literals += 1
                case Compare():
                    state = self.bodies.compare(state, step.literal)
                case Builtin():
                    state = self.bodies.builtin(state, step.literal)
                    before = max(before, state.n)
                case ForeignCall():
                    state = self.bodies.foreign(state, step.literal)
                case AggregateStep():
                    state = self._aggregate(state, step.literal)
                    literals += 1
            tally.join = max(tally.join, before * share, state.n * share)
            if state.n <= 0:
                break
        for done in steps:
            if tally.worst is None or done.rows > tally.worst.rows:
                tally.worst, tally.steps = done, tuple(steps)
        if state.n <= 0:
            return []
        wanted = [h for h, _ in rule.heads if heads is None or h.key in heads]
        tally.firings += state.n * share * len(wanted)
        tally.literals = literals + (rule.choice is not None)
        if rule.choice is not None:
            made = state.n * share * len(rule.choice.leaves)
            # a rule that is fired once for each of its heads' components makes its choices once
            tally.leaves = max(tally.leaves, made) if first is None else tally.leaves + made
        possible = rule.choice is not None or any(
            isinstance(x, Scan) and self.relation(x.atom.key).possible for x in rule.body
        )
        return [
            (h.key, self._head(rule, h.args, state, possible, tally.facts if windows else 0.0, windows)) for h in wanted
        ]

    def _head(
        self, rule: CoreRule, args: tuple[str | int | None, ...], state: State, possible: bool, before: float,
        windows: dict[int, Relation],
    ) -> Relation:  # fmt: skip
        made = self.bodies.project(state, args)
        lost = {v for x in rule.body if isinstance(x, Scan) for v in x.atom.variables} - set(args)
        least = state.n
        if len(lost) == 1:  # firings that agree on what is projected away differ in the head
            column = state.of[lost.pop()]
            top = 0.0 if column.values is None else float(column.counts.max(initial=0.0))
            rest = distinct_rows(list(made.columns), state.n - top) * max(0.0, 1 - top / max(made.room, top, 1.0))
            least = top + rest
        elif lost:
            least = made.rows
        rows = min(max(least, made.rows), max(0.0, self._most(rule, args, state, windows) - before))
        if rows != made.rows:
            made = Relation(rows, tuple(c.to(rows) for c in made.columns))
        return Relation(made.rows, made.columns, possible=possible)

    def _most(
        self, rule: CoreRule, args: tuple[str | int | None, ...], state: State, windows: dict[int, Relation]
    ) -> float:  # fmt: skip
        """No more heads, in all rounds, than one finished literal has rows, times the values of other variables."""
        names = {a for a in args if isinstance(a, str)}
        most = np.inf if windows else state.n
        for position, literal in enumerate(rule.body):
            if position not in windows and isinstance(literal, Scan) and len(names & literal.atom.variables) > 1:
                rest = 1.0
                for name in names - literal.atom.variables:
                    rest *= max(state.of[name].distinct, 1.0)
                if literal.atom.key not in self.core.neural and self.relation(literal.atom.key).rows > 0:
                    most = min(most, self.relation(literal.atom.key).rows * rest)
        return most

    def _add(self, number: int, key: Key, made: Relation) -> Relation:
        """Join derived facts with those known; gives the new ones."""
        self.relations[key], fresh = combined(self.relation(key), made)
        self.tallies[number].facts += fresh.rows
        return fresh

    # ----------------------------------------------------------------------------------- asked where it is used

    def _demand(self, group: Key, asked: Relation) -> None:
        question = self.core.demands[group]
        self.relations[question], fresh = combined(self.relation(question), asked)
        if fresh.rows <= 0:
            return
        for number in self.rules_of.get(group, ()):
            for key, made in self._fire(number, {0: fresh}, 0, frozenset([group])):
                self._add(number, key, made)

    def ask(self, key: Key, inputs: Relation) -> None:
        """Count the facts of a neural predicate for some inputs."""
        self.asked[key], fresh = combined(self.asked.get(key, Relation.empty(len(inputs.columns))), inputs)
        declaration = self.core.neural[key]
        values = 1 if declaration.values is None else len(declaration.values)
        self.extra_facts += fresh.rows * values
        known = self.relation(key)
        if declaration.values is None:
            columns = fresh.columns
        else:
            ids = np.sort(self.symbols.intern_many(declaration.values))
            columns = (*fresh.columns, Column.of(ids, np.ones(len(ids))))
        rows = fresh.rows * values
        self.relations[key] = merged(known, Relation(rows, tuple(c.to(rows) for c in columns), possible=True))

    def _aggregate(self, state: State, step: AggregateStep) -> State:
        state, groups, size = self.bodies.aggregate(state, step)
        done = self.groups.get(step.key, Relation.empty(len(groups.columns)))
        self.groups[step.key], fresh = combined(done, groups)
        results = fresh.rows
        if self.relation(step.members).possible:  # the chain over possible members has a state for each count so far
            results *= 1 + size * size / 2 if step.function in ("count", "sum") else 1 + size
            self.relations[step.key] = Relation(results, (), possible=True)
        self.extra_facts += results
        self.extra_firings += results
        return state


def _reads(rule: CoreRule) -> Iterable[Key]:
    for literal in rule.body:
        if isinstance(literal, Scan | Negated):
            yield literal.atom.key
        elif isinstance(literal, AggregateStep):
            yield literal.members


def _lowest_first(graph: nx.DiGraph) -> list[frozenset[Key]]:
    components = list(nx.strongly_connected_components(graph))
    condensed = nx.condensation(graph, components)
    return [frozenset(components[n]) for n in nx.topological_sort(condensed)]


__all__ = ["Growth", "Tally"]
