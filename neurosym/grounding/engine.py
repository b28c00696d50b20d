"""Semi-naive evaluation of a program in normal form.

Predicates are evaluated component by component, lowest first, so that negation and aggregates only look at finished
relations. Within a recursive component each round joins what was new in the last round (the delta) with all that is
known; a rule with several recursive literals is split so that each firing is found exactly once: literal i ranges
over the delta, those before it over what is older, those after it over everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from neurosym.errors import Place
from neurosym.facts import FactBase, SymbolTable
from neurosym.grounding.aggregates import Aggregates
from neurosym.grounding.at_work import at_work, say_where
from neurosym.grounding.bindings import Bindings, Joiner, Range
from neurosym.grounding.builder import GraphBuilder, Limits
from neurosym.grounding.builtins import Counters, Evaluator
from neurosym.grounding.clock import Clock, Progress
from neurosym.grounding.conclusions import Conclusions
from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    Compare,
    CoreAtom,
    CoreProgram,
    CoreRule,
    ForeignCall,
    Key,
    Negated,
    Scan,
)
from neurosym.grounding.declared import declared_arguments
from neurosym.grounding.foreign import ForeignCalls
from neurosym.grounding.graph import DerivationGraph
from neurosym.grounding.load import load_facts
from neurosym.grounding.neural_facts import NeuralFacts
from neurosym.grounding.open_facts import OpenFacts
from neurosym.grounding.plan import Sized, Step, plan
from neurosym.grounding.previous import Previous, take_over
from neurosym.grounding.relations import Relation
from neurosym.grounding.rows.rounds import AFTER, FEW, WHOLE, Numbered, Recursive, Rounds, Surroundings
from neurosym.grounding.strata import components
from neurosym.lang.ast import Atom, Const, Program

Load = Callable[[GraphBuilder, Program, FactBase, Sequence[Atom]], list[Place]]


@dataclass(frozen=True)
class _Firing:
    """One pass over a rule's body.

    Attributes:
        number: of the rule for the graph's readers; `steps`: its literals in their order.
        windows: position of a literal → the rows of its relation that it ranges over.
        finish: takes the finished bindings; `keep`: carry the facts of the body along.
    """

    number: int
    rule: CoreRule
    steps: Sequence[Step]
    windows: Mapping[int, Range]
    rank: int
    finish: Callable[[Bindings], None]
    keep: bool


@dataclass
class _Planned:
    """A plan, and the sizes of the relations that it was made for."""

    steps: list[Step]
    sizes: tuple[int, ...]


class Engine:
    """Evaluates rules over a builder's relations."""

    def __init__(
        self, program: Program, core: CoreProgram, base: FactBase, symbols: SymbolTable, slots: Sequence[str],
        limits: Limits, closed: bool, progress: Progress | None, queries: list[Atom], record: bool,
        previous: Previous | None = None,
        load: Load = load_facts,
    ) -> None:  # fmt: skip
        from neurosym.lang.terms import Symbol

        self.program, self.core, self.base = program, core, base
        core.questions |= set(core.demands.values())
        self.builder = GraphBuilder(symbols, core, limits, record)
        self.record = record
        self.counters = Counters()
        self.evaluator = Evaluator(symbols, self.counters)
        self.joiner = Joiner(self.builder, self.evaluator)
        self.conclusions = Conclusions(self.builder, self.evaluator)
        self.aggregates = Aggregates(self.builder)
        self.foreign = ForeignCalls(symbols, self.evaluator, core, limits, declared_arguments(program))
        self.queries = queries
        self.previous = previous
        if previous is None:
            self.places: list[Place] = load(self.builder, program, base, queries)
        else:
            take_over(self.builder, previous, base)
            self.places = load_facts(self.builder, program, base, queries, previous.states)
        self.neural = NeuralFacts(self.builder, symbols.intern_many(Symbol(s) for s in slots), closed)
        self.open: OpenFacts | None = None
        self.clock = Clock(self.builder, progress)
        self.rules_of: dict[Key, list[Numbered]] = {}
        self._plans: dict[tuple[int, int | None], _Planned] = {}

    def run(self, rules: Sequence[Numbered], seeds: Mapping[Key, Collection[tuple[int, ...]]]) -> DerivationGraph:
        """Evaluate rules, each with its number for the graph's readers.

        Args:
            seeds: question → rows that are asked about from the start.
        """
        for key, rows in seeds.items():
            self.builder.ask(key, np.array(list(rows), np.int32).reshape(len(rows), key[1]))
        self._ask_queries()
        self.derive(rules)
        self.neural.finish()
        if self.open is not None:
            directives = (*self.program.queries, *self.program.evidence)
            self.open.finish([*self.queries, *(s.atom for s in directives)])
        prefixes = self.base.prefixes | self.program.prefixes
        graph = self.builder.build(self.places, prefixes, self.counters.counts)
        return replace(graph, base=self.base, engine=None if self.record else self)

    def derive(self, rules: Sequence[Numbered]) -> None:
        """Evaluate rules to their least fixpoint, component by component, over the builder's relations."""
        for numbered in rules:
            for head, _ in numbered[1].heads:
                self.rules_of.setdefault(head.key, []).append(numbered)
        for component in components([rule for _, rule in rules], self.core):
            # a group with a demand is evaluated where it is asked
            chosen = {id(n): n for k in sorted(component - self.core.demands.keys()) for n in self.rules_of.get(k, ())}
            if chosen:
                self._component(component, list(chosen.values()))

    def _ask_queries(self) -> None:
        atoms = [*self.queries, *(s.atom for s in (*self.program.queries, *self.program.evidence))]
        for atom in atoms:
            declaration = self.core.neural.get(atom.key)
            if declaration is None:
                continue
            width = len(atom.args) - (declaration.values is not None)
            inputs = [t.value for t in atom.args[:width] if isinstance(t, Const)]
            if len(inputs) == width:
                self.neural.ask_rows(atom.key, self.builder.symbols.intern_many(inputs).reshape(1, width))

    # -------------------------------------------------------------------------------------------- components

    def _component(self, component: frozenset[Key], rules: list[Numbered]) -> None:
        """Fire the rules of one component to their least fixpoint."""
        state = "anew" if self.previous is None else self.previous.state(component)
        if state == "same":
            return
        recursive: list[tuple[Numbered, list[int]]] = []
        # sorted, so that predicates get the same numbers in every process
        relations = {key: self.builder.relation(key) for key in sorted(component)}
        inside: list[list[int]] = []
        for _, rule in rules:
            scans = [k for k, x in enumerate(rule.body) if isinstance(x, Scan) and x.atom.key in component]
            inside.append([k for k in scans if rule.body[k].atom.key not in self.core.neural])  # pyright: ignore
        keep = self.record or (any(inside) and any(self._doubtful(rule, component) for _, rule in rules))
        before = dict.fromkeys(component, 0)
        if state == "grown":
            before = {key: relation.size for key, relation in relations.items()}
            self._extend(rules, relations, component, keep)
        for numbered, positions in zip(rules, inside, strict=True):
            if positions:
                recursive.append((numbered, positions))
            elif state == "anew":
                self._fire(numbered, {}, 0, None, component, keep)
        for numbered, positions in recursive:
            if self.open is not None and self.open.asks_itself(numbered[1], positions):
                self._ask_only(numbered)
        if recursive:
            self._rounds(recursive, relations, before, component, keep)
        self.builder.settle(bool(recursive))

    def _rounds(
        self, recursive: list[Recursive], relations: Mapping[Key, Relation], before: dict[Key, int],
        component: frozenset[Key], keep: bool,
    ) -> None:  # fmt: skip
        """Fire recursive rules until a round finds nothing: by columns, or row by row while rounds find little."""
        by_rows = self.open is None and Rounds.can(recursive, self.core)
        rounds, small, after = 0, 0, AFTER if len(recursive) <= WHOLE else 0
        while True:
            known = {key: relation.size for key, relation in relations.items()}
            if known == before:
                break
            small = small + 1 if all(known[key] - before[key] <= FEW for key in known) else 0
            if by_rows and small > after:
                around = Surroundings(
                    self.builder, self.core, self.joiner, self.conclusions, self._plan,
                    partial(self._doubtful, component=frozenset()), self.clock.look,
                    partial(self._fire_recursive, heads=component, keep=keep),
                )  # fmt: skip
                few = Rounds(around, component, recursive, keep)
                before, rounds = few.run(before, rounds)
                small, by_rows = 0, few.pays
                continue
            rounds += 1
            for key, relation in relations.items():
                relation.frozen = known[key]
            for numbered, positions in recursive:
                for at in range(len(positions)):
                    self._fire_recursive(numbered, positions, at, before, known, rounds, component, keep)
            before = known
        for relation in relations.values():
            relation.frozen = None

    def _extend(
        self, rules: list[Numbered], relations: Mapping[Key, Relation], heads: frozenset[Key], keep: bool
    ) -> None:  # fmt: skip
        """The first round of a component that was taken over: with what grew in all that its rules read."""
        assert self.previous is not None
        sizes = {key: relation.size for key, relation in relations.items()}
        for key, relation in relations.items():
            relation.frozen = sizes[key]
        for numbered in rules:
            keys = {x.atom.key for x in numbered[1].body if isinstance(x, Scan)}
            before = {k: self.previous.sizes.get(k, 0) for k in keys}
            known = {k: sizes[k] if k in sizes else self.builder.relation(k).size for k in keys}
            grown = [
                k for k, x in enumerate(numbered[1].body)
                if isinstance(x, Scan) and before[x.atom.key] < known[x.atom.key]
            ]  # fmt: skip
            for at in range(len(grown)):
                self._fire_recursive(numbered, grown, at, before, known, 0, heads, keep)

    def _doubtful(self, rule: CoreRule, component: frozenset[Key]) -> bool:
        """Whether a grounding of a rule may be only possible."""
        if rule.choice is not None:
            return True
        for literal in rule.body:
            if isinstance(literal, AggregateStep):
                return True
            if isinstance(literal, Scan | Negated):
                key = literal.atom.key
                if self.core.asked(key) or self.builder.relation(key).possible:
                    return True
        return any(self.builder.relation(head.key).possible for head, _ in rule.heads if head.key in component)

    def _fire_recursive(
        self, numbered: Numbered, inside: list[int], at: int, before: Mapping[Key, int], known: Mapping[Key, int],
        rounds: int, heads: frozenset[Key], keep: bool,
    ) -> None:  # fmt: skip
        """Fire a rule with the `at`-th of its recursive literals over what the last round found."""
        body = numbered[1].body
        keys = {k: x.atom.key for k in inside if isinstance(x := body[k], Scan)}
        position = inside[at]
        key = keys[position]
        if before[key] == known[key]:
            return
        windows = {other: (0, before[keys[other]]) for other in inside[:at]}
        windows[position] = (before[key], known[key])
        windows |= {other: (0, known[keys[other]]) for other in inside[at + 1 :]}
        self._fire(numbered, windows, rounds, position, heads, keep)

    # ------------------------------------------------------------------------------------------------- rules

    def _fire(
        self, numbered: Numbered, windows: Mapping[int, Range], rank: int, first: int | None,
        heads: frozenset[Key] | None, keep: bool,
    ) -> None:  # fmt: skip
        """Find all groundings of a rule's body, with some literals restricted to windows of rows.

        Args:
            first: position of the literal to begin with; `heads`: conclude only these predicates.
        """
        number, rule = numbered
        if self._lacks_facts(rule):
            return
        joined, self.joiner.joined = self.joiner.joined, {}
        try:
            steps = self._plan(rule, first)
            keep = keep or self._doubtful(rule, frozenset())
            finish = partial(self.conclusions.add, number, rule, rank=rank, wanted=heads, keep=keep)
            self._advance(_Firing(number, rule, steps, windows, rank, finish, keep), 0, Bindings.start())
        except BaseException as error:
            say_where(error, partial(at_work, self.builder, number, rule, self.joiner.joined))
            raise
        finally:
            self.joiner.joined = joined

    def _ask_only(self, numbered: Numbered) -> None:
        """Let a rule ask about unknown atoms, and conclude nothing."""
        number, rule = numbered
        firing = _Firing(number, rule, self._plan(rule, None), {}, 0, lambda _: None, True)
        self._advance(firing, 0, Bindings.start())

    def _lacks_facts(self, rule: CoreRule) -> bool:
        """Whether a literal has no facts and cannot get any by being asked: then the rule does not fire."""
        for literal in rule.body:
            if isinstance(literal, Scan):
                key = literal.atom.key
                if not self.core.asked(key) and not self.builder.relation(key).size:
                    return True
        return False

    def _plan(self, rule: CoreRule, first: int | None, relation: Callable[[Key], Sized] | None = None) -> list[Step]:
        """A plan for the relations as they are; the last one while they have not grown fourfold."""
        relation = relation or self.builder.relation
        sizes = tuple(relation(x.atom.key).size.bit_length() // 2 for x in rule.body if isinstance(x, Scan | Negated))
        known = self._plans.get((id(rule), first))
        if known is None or known.sizes != sizes:
            known = _Planned(plan(rule, self.core, relation, first), sizes)
            self._plans[id(rule), first] = known
        return known.steps

    def solutions(self, number: int, rule: CoreRule, steps: Sequence[Step], table: Bindings) -> list[Bindings]:
        """The groundings of a rule's body that extend some bindings, over the finished relations."""
        found: list[Bindings] = []
        self._advance(_Firing(number, rule, steps, {}, 0, found.append, True), 0, table)
        return found

    def _advance(self, firing: _Firing, at: int, table: Bindings) -> None:
        """Pass a piece of bindings through the steps from `at` on."""
        if at == len(firing.steps):
            firing.finish(table)
            return
        for piece in self._step(firing, at, table):
            self.clock.look(firing.rule, firing.rank)  # at each piece: a join may end in nothing
            if piece.n:
                self._advance(firing, at + 1, piece)

    def _step(self, firing: _Firing, at: int, table: Bindings) -> Iterator[Bindings]:
        step = firing.steps[at]
        literal, live = step.literal, step.live
        kept = step.position if firing.keep else None
        if self.open is not None and (at or not firing.windows):  # what a delta holds was asked about
            self.open.ask(literal, table)
        match literal:
            case Scan(atom, record):
                if atom.key in self.core.neural:
                    table, fresh = self.neural.bind_slots(atom, table)
                    self.neural.ask(atom, fresh)
                self._demand(atom.key, atom.args, table)
                window = firing.windows.get(step.position)
                return self.joiner.scan(atom, table, live, window, kept if record else None)
            case Negated(atom):
                self._demand(atom.key, atom.args, table)
                if atom.key in self.core.neural:
                    self.neural.ask(atom, table)
                return iter((self.joiner.negate(atom, table, live),))
            case Compare():
                return iter((self.joiner.compare(literal, table, live),))
            case Builtin():
                return iter((self.joiner.builtin(literal, table, live),))
            case ForeignCall():
                return iter((self.foreign.join(literal, firing.rule, table, live),))
            case AggregateStep():
                self._demand(literal.members, literal.group, table)
                self.aggregates.ask(literal, firing.rule.statement, table)
                atom = CoreAtom(literal.key, (*literal.group, literal.result))
                return self.joiner.scan(atom, table, live, None, kept)
        raise AssertionError(literal)

    def _demand(self, group: Key, args: Sequence[str | int | None], table: Bindings) -> None:
        """Evaluate a group that is made for the bindings of the rule around it, if this is one.

        All that it depends on is below the rule's own component, so it is finished at once.
        """
        key = self.core.demands.get(group)
        if key is None or not table.n:
            return
        rows = np.stack([table.columns[a] for a in args if isinstance(a, str)], axis=1)
        window = self.builder.ask(key, rows)
        if window[0] < window[1]:
            for numbered in self.rules_of.get(group, ()):
                self._fire(numbered, {0: window}, 0, 0, None, self.record)
