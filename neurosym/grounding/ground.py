"""Semi-naive grounding: Program + FactBase -> DerivationGraph.

Predicates are evaluated component by component, lowest first, so that negation and aggregates only look at finished
relations. Within a recursive component each round joins what was new in the last round (the delta) with all that is
known; a rule with several recursive literals is split so that each firing is found exactly once: literal i ranges
over the delta, those before it over what is older, those after it over everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError, LimitError, Place
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.symbols import FLOAT, INT
from neurosym.grounding.aggregates import Aggregates
from neurosym.grounding.bindings import Bindings, Joiner
from neurosym.grounding.builder import GraphBuilder, Limits, Ragged
from neurosym.grounding.builtins import Counters, Evaluator
from neurosym.grounding.core import (
    TRIPLE,
    AggregateStep,
    Builtin,
    ChoiceSpec,
    Compare,
    CoreAtom,
    CoreProgram,
    CoreRule,
    Key,
    Negated,
    Scan,
)
from neurosym.grounding.graph import CERTAIN, ChoiceGroup, DerivationGraph
from neurosym.grounding.load import load_facts
from neurosym.grounding.neural_facts import NeuralFacts
from neurosym.grounding.normalise import normalise
from neurosym.grounding.plan import plan
from neurosym.lang.ast import Atom, Const, Program

Progress = Callable[[str], None]


def ground(
    program: Program,
    facts: FactBase | None = None,
    *,
    slots: Sequence[str] = (),
    queries: Iterable[Atom] = (),
    limits: Limits | None = None,
    closed_networks: bool = False,
    progress: Progress | None = None,
) -> DerivationGraph:
    """Evaluate a program over facts, recording every grounding.

    Args:
        slots: names of the per-sample inputs (`a`, `b`), over which free `Image`, `Text`, `Tensor` arguments range.
        queries: atoms asked about later: their facts are loaded, and networks are asked about their constants, even if
            no rule speaks of them.
        closed_networks: treat neural facts that are not given as absent (an expert's tests run without networks).
        progress: called with a line of text now and then.

    Raises:
        RuleError: statements that cannot be evaluated yet.
        LimitError: a limit was hit; names the rule or predicate.
    """
    base = facts or FactBase()
    symbols = SymbolTable()
    asked = list(queries)
    core = normalise(program, symbols, asked)
    engine = _Engine(
        program, core, base, symbols, slots, limits or Limits(), closed_networks, progress, asked
    )  # fmt: skip
    return engine.run()


class _Engine:
    def __init__(
        self, program: Program, core: CoreProgram, base: FactBase, symbols: SymbolTable, slots: Sequence[str],
        limits: Limits, closed: bool, progress: Progress | None, queries: list[Atom],
    ) -> None:  # fmt: skip
        from neurosym.lang.terms import Symbol

        self.program, self.core, self.base = program, core, base
        self.builder = GraphBuilder(symbols, core, limits)
        self.counters = Counters()
        self.joiner = Joiner(self.builder, Evaluator(symbols, self.counters))
        self.aggregates = Aggregates(self.builder)
        self.queries = queries
        self.places: list[Place] = load_facts(self.builder, program, base, queries)
        self.neural = NeuralFacts(self.builder, symbols.intern_many(Symbol(s) for s in slots), closed)
        self.deadline = time.monotonic() + limits.seconds
        self.progress = progress
        self.rules_of: dict[Key, list[int]] = {}
        for number, rule in enumerate(core.rules):
            for head, _ in rule.heads:
                self.rules_of.setdefault(head.key, []).append(number)

    def run(self) -> DerivationGraph:
        self._ask_queries()
        for component in self._components():
            # a group with a demand is evaluated where it is asked
            numbers = sorted({n for key in component - self.core.demands.keys() for n in self.rules_of.get(key, ())})
            if numbers:
                self._component(component, numbers)
        self.neural.finish()
        prefixes = self.base.prefixes | self.program.prefixes
        return self.builder.build(self.places, prefixes, self.counters.counts)

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

    def _components(self) -> list[frozenset[Key]]:
        """Strongly connected components of the predicates, lowest first."""
        edges, negative, together = self._dependencies()
        graph: nx.DiGraph = nx.DiGraph(edges)
        graph.add_nodes_from(self.rules_of)
        # Heads of one rule are best derived together. Where that would close a cycle through a negation
        # (`0.4::a; 0.3::b. b :- not a.`) such a rule is fired once for each of its heads.
        linked = graph.copy()
        linked.add_edges_from(together)
        for candidate in (linked, graph):
            components = list(nx.strongly_connected_components(candidate))
            of = {key: number for number, component in enumerate(components) for key in component}
            cycle = next(((a, b) for a, b in negative if of[a] == of[b]), None)
            if cycle is None:
                condensed = nx.condensation(candidate, components)
                return [frozenset(components[n]) for n in nx.topological_sort(condensed)]
        assert cycle is not None
        names = [self.core.hidden.get(key, f"{key[0]}/{key[1]}") for key in cycle]
        raise GroundingError(
            f"a negation or an aggregate lies on a cycle: {names[1]} is derived from what {names[0]} lacks",
            code="NS411",
            note="a variable over RDF predicates puts all of them on one cycle" if TRIPLE in cycle else "",
            help="break the cycle: derive one of them from other predicates",
        )

    def _dependencies(self) -> tuple[list[tuple[Key, Key]], list[tuple[Key, Key]], list[tuple[Key, Key]]]:
        """Edges from body to head, those through a negation or an aggregate, and those between heads of one rule."""
        edges: list[tuple[Key, Key]] = []
        negative: list[tuple[Key, Key]] = []
        together: list[tuple[Key, Key]] = []
        questions = set(self.core.demands.values())
        for rule in self.core.rules:
            heads = [h.key for h, _ in rule.heads]
            together.extend(zip(heads, heads[1:] + heads[:1], strict=True))
            for literal in rule.body:
                if isinstance(literal, Scan | Negated) and literal.atom.key not in questions:
                    edges.extend((literal.atom.key, h) for h in heads)
                elif isinstance(literal, AggregateStep):
                    edges.extend((literal.members, h) for h in heads)
                if isinstance(literal, Negated):
                    negative.extend((literal.atom.key, h) for h in heads)
                elif isinstance(literal, AggregateStep):
                    negative.extend((literal.members, h) for h in heads)
        return edges, negative, together

    # -------------------------------------------------------------------------------------------- components

    def _component(self, component: frozenset[Key], numbers: list[int]) -> None:
        """Fire the rules of one component to their least fixpoint."""
        first_block = len(self.builder.blocks)
        recursive: list[tuple[int, list[int]]] = []
        # sorted, so that predicates get the same numbers in every process
        relations = {key: self.builder.relation(key) for key in sorted(component)}
        older = dict.fromkeys(component, 0)
        for number in numbers:
            rule = self.core.rules[number]
            inside = [
                k for k, x in enumerate(rule.body)
                if isinstance(x, Scan) and x.atom.key in component and x.atom.key not in self.core.neural
            ]  # fmt: skip
            if inside:
                recursive.append((number, inside))
            else:
                self._fire(number, {}, 0, heads=component)
        rounds = 0
        while recursive:
            known = {key: relations[key].size for key in component}
            if known == older:
                break
            rounds += 1
            for number, inside in recursive:
                self._fire_recursive(number, inside, older, known, rounds, component)
            older = known
            if self.progress and rounds % 10 == 0:
                self.progress(f"round {rounds}: {self.builder.num_facts:,} facts")
        if any(not b.certain.all() for b in self.builder.blocks[first_block:]):
            self.builder.settle(first_block)

    def _fire_recursive(
        self, number: int, inside: list[int], older: dict[Key, int], known: dict[Key, int], rounds: int,
        heads: frozenset[Key],
    ) -> None:  # fmt: skip
        body = self.core.rules[number].body
        for at, position in enumerate(inside):
            windows: dict[int, tuple[int, int]] = {}
            for other_at, other in enumerate(inside):
                literal = body[other]
                assert isinstance(literal, Scan)
                key = literal.atom.key
                if other_at < at:
                    windows[other] = (0, older[key])
                elif other_at == at:
                    windows[other] = (older[key], known[key])
                else:
                    windows[other] = (0, known[key])
            if windows[position][0] < windows[position][1]:
                self._fire(number, windows, rounds, position, heads)

    def _fire(
        self, number: int, windows: dict[int, tuple[int, int]], rank: int, first: int | None = None,
        heads: frozenset[Key] | None = None,
    ) -> None:  # fmt: skip
        """Find all groundings of a rule's body, with some literals restricted to windows of rows.

        Args:
            first: position of the literal to begin with; `heads`: conclude only these predicates.
        """
        rule = self.core.rules[number]
        size = lambda key: self.builder.relation(key).size  # noqa: E731
        table = Bindings.start()
        try:
            if time.monotonic() > self.deadline:
                seconds = self.builder.limits.seconds
                message = f"grounding took longer than the {seconds:.3g} s left to it"
                raise LimitError(message, help="raise --max-seconds")
            for step in plan(rule, self.core, size, first):
                table = self._step(rule, step.literal, step.position, step.live, table, windows)
                if not table.n:
                    return
            self._conclude(number, rule, table, rank, heads)
        except LimitError as error:
            statement = self.core.statements[rule.statement]
            if statement.label not in error.message:
                place = f"in rule `{statement.label}` ({statement.span})"
                error.note = f"{error.note}; {place}" if error.note else place
            raise

    def _step(
        self, rule: CoreRule, literal: object, position: int, live: frozenset[str], table: Bindings,
        windows: dict[int, tuple[int, int]],
    ) -> Bindings:  # fmt: skip
        match literal:
            case Scan(atom, record):
                if atom.key in self.core.neural:
                    table, fresh = self.neural.bind_slots(atom, table)
                    self.neural.ask(atom, fresh)
                self._demand(atom.key, atom.args, table)
                return self.joiner.scan(atom, table, live, windows.get(position), position if record else None)
            case Negated(atom):
                self._demand(atom.key, atom.args, table)
                if atom.key in self.core.neural:
                    self.neural.ask(atom, table)
                return self.joiner.negate(atom, table, live)
            case Compare():
                return self.joiner.compare(literal, table, live)
            case Builtin():
                return self.joiner.builtin(literal, table, live)
            case AggregateStep():
                self._demand(literal.members, literal.group, table)
                self.aggregates.ask(literal, rule.statement, table)
                atom = CoreAtom(literal.key, (*literal.group, literal.result))
                return self.joiner.scan(atom, table, live, None, position)
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
            for number in self.rules_of.get(group, ()):
                self._fire(number, {0: window}, 0, first=0)

    # ----------------------------------------------------------------------------------------------- firings

    def _conclude(self, number: int, rule: CoreRule, table: Bindings, rank: int, wanted: frozenset[Key] | None) -> None:
        """Record the groundings, one for each head."""
        n = table.n
        positions = sorted(table.facts)
        body = np.stack([table.facts[p] for p in positions], axis=1) if positions else np.zeros((n, 0), np.int32)
        negated, absent = Ragged.join(table.negated, n), Ragged.join(table.absent, n)
        certain = (negated.counts == 0) & (self.builder.status[body] == CERTAIN).all(axis=1)
        leaves = self._leaves(rule, rule.choice, table) if rule.choice else None
        for head, outcome in rule.heads:
            if wanted is not None and head.key not in wanted:
                continue
            rows = np.zeros((n, head.key[1]), np.int32)
            for position, arg in enumerate(head.args):
                assert arg is not None
                rows[:, position] = arg if isinstance(arg, int) else table.columns[arg]
            sure, full = certain, body
            if leaves is not None and outcome is not None:
                full = np.concatenate([body, leaves[:, outcome : outcome + 1]], axis=1)
                sure = np.zeros(n, bool)
            facts, _ = self.builder.add_facts(head.key, rows, sure, rank + 1)
            self.builder.add_block(number, facts, full, negated, absent, sure.copy())

    def _leaves(self, rule: CoreRule, choice: ChoiceSpec, table: Bindings) -> Ids:
        """(n, K) leaf facts of the rule's choice for each grounding; a weight that is certain makes no leaf."""
        unbound = self.builder.symbols.intern("")
        rows = np.stack(
            [table.columns.get(v, np.full(table.n, unbound, np.int32)) for v in choice.variables], axis=1
        ) if choice.variables else np.zeros((table.n, 0), np.int32)  # fmt: skip
        columns = []
        fresh = np.zeros(table.n, bool)
        for key in choice.leaves:
            start = self.builder.num_facts
            facts, _ = self.builder.add_facts(key, rows, False, 0)
            fresh = facts >= start
            columns.append(facts)
        leaves = np.stack(columns, axis=1)
        if fresh.any():
            at = np.nonzero(fresh)[0]
            _, first = np.unique(leaves[at, 0], return_index=True)
            at = at[first]
            self._register(rule, choice, leaves[at], table.take(at, frozenset(table.columns)))
        return leaves

    def _register(self, rule: CoreRule, choice: ChoiceSpec, leaves: Ids, table: Bindings) -> None:
        n = len(leaves)
        of = np.full(n, rule.statement, np.int32)
        if choice.parameter is not None:
            rest = self.core.parameters[choice.parameter].rest
            parameters = np.full(n, choice.parameter, np.int32)
            group = ChoiceGroup(leaves, "learned", of, rest, parameters=parameters)
        else:
            weights = np.stack([self._weight(w, table, rule) for w in choice.weights], axis=1)
            if (weights.sum(axis=1) > 1 + 1e-9).any():
                raise GroundingError(
                    f"the weights of `{self.core.statements[rule.statement].label}` sum to more than 1", code="NS409"
                )
            group = ChoiceGroup(leaves, "constant", of, True, probabilities=weights)
        self.builder.add_choices(group)

    def _weight(self, weight: object, table: Bindings, rule: CoreRule) -> NDArray[np.float64]:
        if isinstance(weight, float):
            return np.full(table.n, weight)
        operand = self.joiner.evaluator.operand(weight, table.columns, table.n)  # pyright: ignore
        number = operand.ok & ((operand.kind == INT) | (operand.kind == FLOAT))
        bad = ~number | (operand.floats < 0) | (operand.floats > 1)
        if bad.any():
            label = self.core.statements[rule.statement].label
            value = operand.floats[bad][0] if number[bad][0] else "no number"
            raise GroundingError(f"a weight of `{label}` is {value}, outside [0, 1]", code="NS409")
        return operand.floats


def relation_sizes(graph: DerivationGraph) -> dict[Key, int]:
    """Predicate → number of facts, hidden ones left out."""
    return {k: len(r) for k, r in zip(graph.predicates, graph.rows, strict=True) if k not in graph.program.hidden}


__all__ = ["Limits", "ground", "relation_sizes"]
