"""Ways to exact answers: each fact by the cheapest that is provably exact, all into one circuit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics.diagrams import Body
from neurosym.semantics.exact.circuit import CircuitBuilder
from neurosym.semantics.exact.compile import Solutions
from neurosym.semantics.exact.emit import emit
from neurosym.semantics.exact.flows import Flows
from neurosym.semantics.exact.fold import Folder, TooLarge, fact_of
from neurosym.semantics.exact.islands import Compiled, compile_island, islands_of, modules_below, open_region
from neurosym.semantics.exact.normal import LITERAL, OUTCOMES
from neurosym.semantics.exact.observe import observe
from neurosym.semantics.exact.proof import prove
from neurosym.semantics.exact.structure import Structure
from neurosym.semantics.exact.view import Spans, View, overlap, united
from neurosym.semantics.part import Long

# Conjunctions that folding may take apart: so many for each body below, and so many more. Folding that works needs a
# few for each; compiling is what comes next.
FOLD_EACH, FOLD_MORE = 30, 3_000


@dataclass
class Method:
    """How a root was solved.

    Attributes:
        name: `certain`, `sum-product` or `circuit`.
        choices: choices involved; nodes: of the circuits compiled for it.
        shared: why it was compiled: a fact whose proofs share choices, -1 if for no such reason.
        folded: whether it was taken together with evidence or other facts, fact by fact.
    """

    name: str
    choices: int = 0
    nodes: int = 0
    shared: int = -1
    folded: bool = False


@dataclass
class Filled:
    """How a fact or a body that had been left open was filled in; shared by all roots that depend on it."""

    nodes: int
    compiled: bool
    below: list[int] = field(default_factory=list)


class Solver:
    """Solves the roots of one part of a graph under some evidence.

    Attributes:
        builder: the circuit so far; totals: references to the probabilities of what the evidence narrowed choices to.
        evidence: what remains of it, in groups that share no choices.
    """

    def __init__(
        self, graph: DerivationGraph, structure: Structure, evidence: dict[int, bool], max_circuit: int,
        solutions: Solutions,
    ) -> None:  # fmt: skip
        self.graph, self.max_circuit, self.solutions = graph, max_circuit, solutions
        before = structure
        seen = observe(structure, evidence)
        self.builder = CircuitBuilder(len(structure.leaf_facts))
        self.view = View(graph, seen.structure, seen.normal, prove(graph, seen.structure, seen.normal))
        self.totals = self._narrow(before, seen.narrowed)
        self.emitted = emit(self.view, self.builder)
        self.reference = self.emitted.reference
        self.filled: dict[int, Filled] = {}  # facts, and bodies as their complements
        self.evidence = self._components(seen.rest)
        self.forced = seen.forced
        self.given: dict[tuple[int, ...], int] = {}
        self._children = self._effective()

    def _narrow(self, before: Structure, narrowed: Sequence[int]) -> list[int]:
        """Give the outcomes of narrowed choices their probability given that; references to what was narrowed to."""
        totals = []
        now, leaves = self.view.structure, self.view.leaf_reference
        for choice in narrowed:
            first, size = int(now.leaf_start[choice]), int(now.sizes[choice])
            allowed = self.view.full[choice]
            inside = [first + k for k in range(size) if allowed >> k & 1]
            outside = [first + k for k in range(size) if not allowed >> k & 1]
            rest = allowed >> size & 1
            complement = rest or (not before.other[choice] and len(outside) < len(inside))
            total = ~self.builder.sum(outside) if complement else self.builder.sum(inside)
            totals.append(total)
            for k in inside:
                alone = len(inside) == 1 and not rest
                leaves[k] = self.builder.one if alone else self.builder.quotient(k, total)
            for k in outside:
                leaves[k] = self.builder.zero
        return totals

    # ------------------------------------------------------------------------------------------------- evidence

    def _components(self, literals: Sequence[int]) -> list[tuple[Spans, list[int]]]:
        """Evidence in groups that share no choices."""
        parts: list[tuple[Spans, list[int]]] = []
        for literal in literals:
            spans = self.view.spans(fact_of(literal))
            meeting = [p for p in parts if overlap(p[0], spans)]
            parts = [p for p in parts if not overlap(p[0], spans)]
            parts.append((united([spans, *(p[0] for p in meeting)]), [literal, *(x for p in meeting for x in p[1])]))
        return parts

    def solve(self, roots: Sequence[int]) -> list[tuple[int, int, Method]]:
        """For each root references to divide, of it together with the evidence and of that alone, and the method."""
        result: list[tuple[int, int, Method] | None] = [None] * len(roots)
        together: dict[tuple[int, ...], list[int]] = {}
        plain: list[int] = []
        for k, fact in enumerate(roots):
            if self.forced[fact]:
                one = self.builder.one if self.forced[fact] == 1 else self.builder.zero
                result[k] = (one, self.builder.one, Method("certain"))
                continue
            spans = self.view.spans(fact)
            touched = tuple(n for n, (other, _) in enumerate(self.evidence) if overlap(spans, other))
            if touched:
                together.setdefault(touched, []).append(k)
            else:
                plain.append(k)
        self.fill([roots[k] for k in plain])
        resting = self._on_open()
        for k in plain:
            method = self._method([roots[k]]) if resting[self._through(roots[k])] else self._plain([roots[k]])
            result[k] = (int(self.reference[roots[k]]), self.builder.one, method)
        for n in range(len(self.evidence)):  # evidence that no root touches may still be impossible
            together.setdefault((n,), [])
        for touched, members in together.items():
            solved = self._conditional(touched, [roots[k] for k in members])
            for k, (joint, given, method) in zip(members, solved, strict=True):
                result[k] = (joint, given, method)
        assert all(r is not None for r in result)
        return [r for r in result if r is not None]

    def alone(self) -> list[int]:
        """References to the probabilities of the independent groups of evidence."""
        return [self.given[(n,)] for n in range(len(self.evidence))]

    def several(self, fact: int) -> bool:
        """Whether some fact below has several bodies."""
        return bool((self._bodies[self._below([fact], closed=True)] > 1).any())

    def told_apart(self, fact: int, limit: int) -> list[str]:
        """By which choices the bodies below a fact were told apart, the first few."""
        seen = self._below([fact], closed=True)
        found: dict[str, None] = {}
        choices = len(self.view.structure.sizes)
        for x in reversed(np.nonzero(seen)[0].tolist()):
            for key in self.view.proof.split[x].tolist():
                if key < 0:
                    break
                if key < choices:
                    found[self.view.choice_name(key)] = None
                else:
                    groups = self.view.proof.groups
                    found[self.view.group_name(int(groups.members[groups.starts[key - choices]]))] = None
            if len(found) >= limit:
                break
        return list(found)[:limit]

    def _conditional(self, touched: tuple[int, ...], facts: list[int]) -> list[tuple[int, int, Method]]:
        literals = [x for n in touched for x in self.evidence[n][1]]
        cone = self._cone([*facts, *map(fact_of, literals)])
        folder = Folder(self.view, self.builder, self.reference, literals, FOLD_MORE + FOLD_EACH * cone)
        try:
            term = folder.term((), (), 0)
            given = self.builder.zero if term is None else folder.solve(term)
            flows = None if term is None else Flows(folder, term)
            joint = []
            for fact in facts:
                through = None if flows is None else flows.joint(fact)
                joint.append(folder.conjunction((fact,), (), 0) if through is None else through)
        except TooLarge:
            return self._conditional_by_circuit(touched, literals, facts)
        self.fill(folder.needed)
        self.given[touched] = given
        below = self._method(sorted(folder.needed))
        spans = united([self.view.spans(fact_of(x)) for x in literals])
        methods = [self._folded(fact, spans, below, folder) for fact in facts]
        return [(j, given, method) for j, method in zip(joint, methods, strict=True)]

    def _conditional_by_circuit(
        self, touched: tuple[int, ...], literals: list[int], facts: list[int]
    ) -> list[tuple[int, int, Method]]:  # fmt: skip
        roots = [*(Body((), (fact, *literals)) for fact in facts), Body((), tuple(literals))]
        island = self._island(roots, modules_below(self.view, roots))
        self.fill(island.modules)
        *joint, given = island.references
        self.given[touched] = given
        below = self._method(island.modules)
        method = Method("circuit", island.choices, island.nodes + below.nodes)
        return [(j, given, method) for j in joint]

    def _folded(self, fact: int, evidence: Spans, below: Method, folder: Folder) -> Method:
        name = "circuit" if folder.splits or below.name == "circuit" else "sum-product"
        nodes = below.nodes + (len(folder.terms) if folder.splits else 0)
        spans = united([self.view.spans(fact), evidence])
        return Method(name, sum(b - a + 1 for a, b in spans), nodes, below.shared, True)

    # --------------------------------------------------------------------------------------------- what is left open

    def _effective(self) -> Long:
        """The facts that bodies speak of, as far as they matter, in the order of the normal form's literals."""
        normal, proof = self.view.normal, self.view.proof
        children = self._spoken_of[1].copy()
        of = np.repeat(np.arange(len(normal.origin)), np.diff(normal.literal_start))
        children[proof.dropped | proof.dead[of] | proof.crossed[of]] = -1
        return children

    def _cone(self, facts: Sequence[int]) -> int:
        """How many bodies facts rest on."""
        return int(self._bodies[self._below(facts, closed=False)].sum())

    @cached_property
    def _open_facts(self) -> NDArray[np.bool_]:
        """(n,) the facts that were left open; `_open_bodies`: the bodies that were, as numbers."""
        return self.emitted.facts >= 0

    @cached_property
    def _open_bodies(self) -> Long:
        """See `_open_facts`."""
        return np.nonzero(self.emitted.bodies >= 0)[0]

    @cached_property
    def _bodies(self) -> Long:
        """(n,) how many bodies each fact has."""
        return np.diff(self.view.normal.starts)

    @cached_property
    def _heads(self) -> Long:
        """(b,) the fact of each body."""
        return np.repeat(np.arange(len(self._bodies)), self._bodies)

    @cached_property
    def _spoken_of(self) -> tuple[Long, Long]:
        """(n + 1,) offsets into (l,) the facts that the bodies of each fact speak of."""
        normal = self.view.normal
        return normal.literal_start[normal.starts], np.where(normal.literals >= 0, normal.literals, ~normal.literals)

    def _below(self, facts: Sequence[int], closed: bool) -> NDArray[np.bool_]:
        """(n,) the facts that facts rest on, themselves included.

        Args:
            closed: stop at facts that are left open, and at bodies that are.
        """
        starts, children = self._spoken_of
        children = self._children if closed else children
        seen = np.zeros(len(starts) - 1, bool)
        roots = np.array([self._through(f) for f in facts], np.int64)
        stop = self._open_facts if closed else np.zeros(len(seen), bool)
        load("neurosym.semantics.walks").spread(starts, children, stop, roots, seen)
        return seen

    def _on_open(self) -> np.ndarray:
        """(n,) the facts that rest on something that was left open."""
        open_ = self._open_facts.copy()
        open_[self._heads[self._open_bodies]] = True
        if not open_.any():
            return open_
        of = np.repeat(self._heads, np.diff(self.view.normal.literal_start))
        known = self._children >= 0
        order = np.argsort(self._children[known], kind="stable")
        starts = np.searchsorted(self._children[known][order], np.arange(len(open_) + 1))
        seen = np.zeros(len(open_), bool)
        nowhere = np.zeros(len(open_), bool)
        load("neurosym.semantics.walks").spread(starts, of[known][order], nowhere, np.nonzero(open_)[0], seen)
        return seen

    def _through(self, fact: int) -> int:
        """The fact that a fact stands for, if it does."""
        normal = self.view.normal
        return fact_of(int(normal.alias[fact])) if normal.state[fact] == LITERAL else fact

    def _open(self, facts: Sequence[int]) -> tuple[list[int], list[int]]:
        """Facts and bodies left open that facts rest on directly."""
        seen = self._below(facts, closed=True)
        open_facts = np.nonzero(seen & self._open_facts)[0]
        bodies = self._open_bodies[(seen & ~self._open_facts)[self._heads[self._open_bodies]]]
        return open_facts.tolist(), bodies.tolist()

    def fill(self, facts: Sequence[int] | set[int]) -> None:
        """Fill in what facts rest on that sums and products were not proved right for.

        Raises:
            SemanticsError: NS520, a circuit grew past its limit.
        """
        if not self._open_facts.any() and not len(self._open_bodies):
            return
        waiting = sorted(facts)
        while waiting:
            open_facts, bodies = self._open(waiting)
            open_facts = [f for f in open_facts if f not in self.filled]
            waiting = []
            for b in bodies:
                if ~b not in self.filled:
                    waiting.extend(self._fill_body(b))
            waiting.extend(self._compile(open_facts))

    def known(self, roots: Sequence[int]) -> Long:
        """The facts on the way to roots that were solved before, whose references are right."""
        seen = np.zeros(len(self.emitted.facts), bool)
        met: set[int] = set()
        stack = list(roots)
        while stack:
            seen |= self._below(stack, closed=True)
            open_facts, bodies = self._open(stack)
            new = [k for k in (*open_facts, *(~b for b in bodies)) if k not in met]
            met.update(new)
            stack = [f for k in new for f in self.filled[k].below]
        state, alias = self.view.normal.state, self.view.normal.alias
        stands = np.nonzero(state == LITERAL)[0]
        target = alias[stands]
        seen[stands] |= seen[np.where(target >= 0, target, ~target)]
        return np.nonzero(seen | (state == OUTCOMES))[0]

    def _fill_body(self, b: int) -> list[int]:
        """Multiply a body whose literals share choices; gives the facts that it now rests on."""
        body = self.view.body(b)
        cone = self._cone([fact_of(x) for x in body.literals])
        folder = Folder(self.view, self.builder, self.reference, (), FOLD_MORE + FOLD_EACH * cone)
        node = int(self.emitted.bodies[b])
        try:
            self.builder.fill(node, folder.conjunction(body.literals, body.choices))
        except TooLarge:
            island = self._island([body], modules_below(self.view, [body]))
            self.builder.fill(node, island.references[0])
            self.filled[~b] = Filled(island.nodes, True, island.modules)
        else:
            self.filled[~b] = Filled(len(folder.terms), folder.splits > 0, sorted(folder.needed))
        return self.filled[~b].below

    def _compile(self, facts: list[int]) -> list[int]:
        """Compile facts, those together that share choices; gives the modules that they now rest on."""
        if not facts:
            return []
        modules = modules_below(self.view, [Body((), (f,)) for f in facts], joint=False)
        regions = {f: open_region(self.view, f, modules) for f in facts}
        met: list[int] = []
        for island_facts in islands_of(regions, modules):
            island = self._island([Body((), (f,)) for f in island_facts], modules)
            for fact, made in zip(island_facts, island.references, strict=True):
                self.builder.fill(int(self.emitted.facts[fact]), made)
                self.filled[fact] = Filled(island.nodes, True, island.modules)
            met.extend(island.modules)
        return met

    def _island(self, roots: Sequence[Body], modules: set[int]) -> Compiled:
        """Compile conjunctions, with modules as leaves."""
        return compile_island(
            self.view, self.builder, self.reference, roots, modules, self.solutions, self.max_circuit
        )  # fmt: skip

    def _method(self, facts: Sequence[int]) -> Method:
        """How facts were solved that were not taken together with evidence."""
        nodes, shared = 0, -1
        seen: set[int] = set()
        stack = list(facts)
        while stack:
            open_facts, bodies = self._open(stack)
            stack = []
            for key in (*open_facts, *(~b for b in bodies)):
                if key in seen:
                    continue
                seen.add(key)
                filled = self.filled[key]
                stack.extend(filled.below)
                if filled.compiled:
                    nodes += filled.nodes
                    shared = key if shared == -1 else shared
        plain = self._plain(facts)
        if shared == -1:
            plain.folded = bool(seen)
            return plain
        return Method("circuit", plain.choices, nodes, shared if shared >= 0 else int(self._heads[~shared]))

    def _plain(self, facts: Sequence[int]) -> Method:
        """The method of facts for which sums and products are right all the way down."""
        spans = united([self.view.spans(f) for f in facts])
        return Method("sum-product", sum(b - a + 1 for a, b in spans))
