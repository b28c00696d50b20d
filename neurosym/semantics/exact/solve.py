"""The exact semantics: probabilities of facts under the distribution semantics, with evidence.

Sato, A statistical learning method for logic programs with distribution semantics (ICLP 1995); De Raedt, Kimmig &
Toivonen, ProbLog (IJCAI 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.semantics.exact.circuit import Circuit, CircuitBuilder
from neurosym.semantics.exact.compile import Compiler
from neurosym.semantics.exact.independence import ADD, ALIAS, COMPILE, NOISY_OR, Analysis, Body
from neurosym.semantics.exact.shape import Component, Shape, components
from neurosym.semantics.part import relevant_part

MAX_CIRCUIT = 2_000_000


@dataclass(frozen=True)
class Method:
    """How a shape's roots were solved.

    Attributes:
        name: `sum-product` or `circuit`; `split`: choices that told groundings apart.
        choices: choices involved; `nodes`: of the compiled circuit.
        shared: why it was compiled: a fact whose choices meet twice, or that lies on a cycle (a number of the shape).
    """

    name: str
    split: tuple[int, ...]
    choices: int
    nodes: int
    shared: int | None


@dataclass(frozen=True)
class Solution:
    """A shape's circuit: outputs are the roots' probabilities jointly with the evidence, then the evidence's."""

    circuit: Circuit
    methods: tuple[Method, ...]
    conditional: bool


class _Solver:
    def __init__(self, shape: Shape, max_circuit: int) -> None:
        self.shape = shape
        self.max_circuit = max_circuit
        self.analysis = Analysis(shape)
        self.leaves: dict[tuple[int, int], int] = {}
        for choice, count in enumerate(shape.outcomes):
            for outcome in range(count):
                self.leaves[(choice, outcome)] = len(self.leaves)
        self.builder = CircuitBuilder(len(self.leaves))
        self.nodes: dict[int, int] = {}
        self.compiler: Compiler | None = None

    def solve(self) -> Solution:
        shape = self.shape
        facts = [*shape.roots, *(e if e >= 0 else ~e for e in shape.evidence)]
        compiled = self._to_compile(facts)
        if shape.evidence:
            # Evidence can make independent things dependent: what it touches is compiled together with it.
            compiled |= set(facts)
        if compiled:
            self._compile(compiled)
        if shape.evidence:
            return self._conditional()
        outputs = [self._node(root) for root in shape.roots]
        circuit = self.builder.build(outputs)
        return Solution(circuit, tuple(self._method(root) for root in shape.roots), False)

    def _to_compile(self, facts: list[int]) -> set[int]:
        """Facts below the given ones whose own groundings are not provably summed and multiplied."""
        found: set[int] = set()
        seen: set[int] = set()
        stack = list(facts)
        while stack:
            fact = stack.pop()
            if fact in seen or self.shape.leaf[fact] is not None:
                continue
            seen.add(fact)
            solved = self.analysis.solved[fact]
            if solved.how == COMPILE:
                found.add(fact)
            else:
                stack.extend(x if x >= 0 else ~x for body in solved.bodies for x in body.facts)
        return found

    def _compile(self, facts: set[int]) -> None:
        self.compiler = Compiler(self.shape, self._variable_order(facts), self.max_circuit)
        self.compiler.build(sorted(facts))
        if self.shape.evidence:
            return
        for fact in sorted(facts):
            root = self.compiler.conjoin([fact])
            self.nodes[fact] = self.compiler.read_off(root, self.builder, self.leaves)

    def _variable_order(self, facts: set[int]) -> list[int]:
        """Choices in the order in which a walk from the facts meets them: related ones are near each other."""
        order: dict[int, None] = {}
        seen: set[int] = set()
        stack = sorted(facts, reverse=True)
        while stack:
            fact = stack.pop()
            if fact in seen:
                continue
            seen.add(fact)
            leaf = self.shape.leaf[fact]
            if leaf is not None:
                order.setdefault(leaf[0])
            stack.extend(x if x >= 0 else ~x for body in reversed(self.shape.groundings[fact]) for x in reversed(body))
        return list(order)

    def _conditional(self) -> Solution:
        assert self.compiler is not None
        outputs = []
        for literals in [[r, *self.shape.evidence] for r in self.shape.roots] + [list(self.shape.evidence)]:
            root = self.compiler.conjoin(literals)
            outputs.append(self.compiler.read_off(root, self.builder, self.leaves))
        circuit = self.builder.build(outputs)
        method = Method("circuit", (), len({choice for choice, _ in self.compiler.variables}), circuit.nodes, None)
        return Solution(circuit, (method,) * len(self.shape.roots), True)

    # ---------------------------------------------------------------------------------------- sums and products

    def _node(self, root: int) -> int:
        """The circuit node of a fact, children first."""
        stack = [root]
        while stack:
            fact = stack[-1]
            if fact in self.nodes:
                stack.pop()
                continue
            leaf = self.shape.leaf[fact]
            if leaf is not None:
                self.nodes[fact] = self.leaves[leaf]
                continue
            solved = self.analysis.solved[fact]
            missing = [
                y for b in solved.bodies for x in b.facts if (y := x if x >= 0 else ~x) not in self.nodes
            ]  # fmt: skip
            if missing:
                stack.extend(missing)
                continue
            terms = [self._body(b) for b in solved.bodies]
            if solved.how == NOISY_OR:
                none = self.builder.product([self.builder.complement(t) for t in terms])
                self.nodes[fact] = self.builder.complement(none)
            else:
                assert solved.how in (ADD, ALIAS)
                self.nodes[fact] = self.builder.sum(terms)
        return self.nodes[root]

    def _body(self, body: Body) -> int:
        factors = [self._outcomes(choice, mask) for choice, mask in body.choices]
        for literal in body.facts:
            node = self.nodes[literal if literal >= 0 else ~literal]
            factors.append(node if literal >= 0 else self.builder.complement(node))
        return self.builder.product(factors)

    def _outcomes(self, choice: int, mask: int) -> int:
        """The probability that a choice falls into a set of outcomes."""
        count = self.shape.outcomes[choice]
        inside = [self.leaves[(choice, k)] for k in range(count) if mask >> k & 1]
        if mask >> count & 1:  # 'other' is allowed: one minus the rest
            outside = [self.leaves[(choice, k)] for k in range(count) if not mask >> k & 1]
            return self.builder.complement(self.builder.sum(outside))
        return self.builder.sum(inside)

    def _method(self, root: int) -> Method:
        split: set[int] = set()
        shared: int | None = None
        seen: set[int] = set()
        stack = [root]
        while stack:
            fact = stack.pop()
            if fact in seen or self.shape.leaf[fact] is not None:
                continue
            seen.add(fact)
            solved = self.analysis.solved[fact]
            if solved.how == COMPILE:
                shared = fact
                continue
            split |= solved.split
            stack.extend(x if x >= 0 else ~x for body in solved.bodies for x in body.facts)
        leaf = self.shape.leaf[root]
        support = 1 << leaf[0] if leaf else self.analysis.solved[root].support
        nodes = len(self.builder._nodes) if shared is not None else 0
        name = "circuit" if shared is not None else "sum-product"
        return Method(name, tuple(sorted(split)), support.bit_count(), nodes, shared)


class Exact:
    """Probabilities of some facts of a graph, given evidence; made once, evaluated for every batch."""

    def __init__(
        self, graph: DerivationGraph, roots: Sequence[int], evidence: Sequence[tuple[int, bool]] = (),
        max_circuit: int = MAX_CIRCUIT, solutions: dict[Shape, Solution] | None = None,
    ) -> None:  # fmt: skip
        """Find the independent components and solve each shape once.

        Args:
            roots: fact ids asked for, r of them.
            evidence: (fact id, observed true).
            max_circuit: nodes of a compiled diagram at which to stop.
            solutions: shapes that were solved before; new ones are added.

        Raises:
            SemanticsError: the evidence is impossible, or a circuit grew past its limit.
        """
        self.graph = graph
        self.count = len(roots)
        certain = graph.status == CERTAIN
        for fact, observed in evidence:
            if certain[fact] and not observed:
                raise _impossible(f"{graph.atom(fact)} is certain, and was observed to be false")
        observed = [(f, o) for f, o in evidence if not certain[f]]
        uncertain = [k for k, f in enumerate(roots) if not certain[f]]
        asked = np.array([roots[k] for k in uncertain] + [f for f, _ in observed], np.int32)
        self.certain = torch.tensor([k for k, f in enumerate(roots) if certain[f]], dtype=torch.long)
        self.methods: list[Method] = [Method("certain", (), 0, 0, None)] * len(roots)
        self.details: list[str] = [""] * len(roots)
        self._groups: list[tuple[Solution, Tensor, Tensor]] = []
        if not len(asked):
            return
        part = relevant_part(graph, asked, drop_certain=True)
        by_shape: dict[Shape, list[Component]] = {}
        # every component with evidence is checked, also one that no query touches: its evidence may be impossible
        for component in components(graph, part, len(uncertain), [o for _, o in observed]):
            by_shape.setdefault(component.shape, []).append(component)
        for shape, members in by_shape.items():
            known = {} if solutions is None else solutions
            solution = known[shape] = known.get(shape) or _Solver(shape, max_circuit).solve()
            leaves = torch.tensor([c.leaves for c in members], dtype=torch.long).reshape(len(members), -1)
            queries = torch.tensor([[uncertain[q] for q in c.queries] for c in members], dtype=torch.long)
            self._groups.append((solution, leaves, queries))
            for component in members:
                for query, method in zip(component.queries, solution.methods, strict=True):
                    self.methods[uncertain[query]] = method
                    self.details[uncertain[query]] = _detail(graph, component, method)

    def __call__(self, inputs: Tensor, impossible: float | None = None) -> Tensor:
        """Probabilities.

        Args:
            inputs: (B, F) leaf probabilities; other entries are not read.
            impossible: the value where the evidence has probability 0; without it that is an error.

        Returns:
            (B, r) probabilities, with gradients to the inputs.

        Raises:
            SemanticsError: the evidence has probability 0 under these inputs.
        """
        batch = inputs.shape[0]
        columns = inputs.T
        places: list[Tensor] = [self.certain.to(inputs.device)]
        values: list[Tensor] = [inputs.new_ones((len(self.certain), batch))]
        for solution, leaves, queries in self._groups:
            members, width = leaves.shape
            # (members, L) leaf facts -> (L, members * B)
            stacked = columns[leaves.T.reshape(-1).to(inputs.device)].reshape(width, members * batch)
            result = solution.circuit.to(inputs.device)(stacked)
            if solution.conditional:
                total = result[-1]
                possible = total > 0
                if impossible is None and not bool(possible.all()):
                    raise _impossible("the evidence has probability 0")
                result = result[:-1] / torch.where(possible, total, 1)  # finite, so that gradients are
                if impossible is not None:
                    result = torch.where(possible, result, impossible)
            # (R, members * B) -> one row for each root of each member
            values.append(result.reshape(-1, batch))
            places.append(queries.T.reshape(-1).to(inputs.device))
        joined = torch.cat(values)
        order = torch.cat(places)
        return inputs.new_zeros((self.count, batch)).index_copy(0, order, joined).T


def _impossible(why: str) -> SemanticsError:
    return SemanticsError(
        "the evidence cannot be: it has probability 0", code="NS502", note=why,
        help="take back an observation, or allow for error in a rule",
    )  # fmt: skip


def _detail(graph: DerivationGraph, component: Component, method: Method) -> str:
    """The reason for the method, in words: `groundings told apart by digit(a), digit(b)`."""
    if method.name == "circuit":
        because = ""
        if method.shared is not None:
            because = f": {_readable(graph, component.facts[method.shared])} has proofs that share choices"
        return f"{method.choices} choices, {method.nodes} nodes{because}"
    if not method.split:
        return "independent proofs" if method.choices > 1 else "one choice"
    names: dict[str, None] = {}
    for fact, leaf in zip(component.facts, component.shape.leaf, strict=True):
        if leaf is not None and leaf[0] in method.split:
            names[choice_name(graph, fact)] = None
    shown = list(names)[:4]
    return "groundings told apart by " + ", ".join(shown) + (", …" if len(names) > 4 else "")


def _readable(graph: DerivationGraph, fact: int) -> str:
    hidden = graph.program.hidden.get(graph.key(fact))
    return hidden if hidden is not None else graph.atom(fact)


def choice_name(graph: DerivationGraph, leaf: int) -> str:
    """What a leaf's choice is about: `digit(a)` for the network's question behind `digit(a, 3)`."""
    key = graph.key(leaf)
    declaration = graph.program.neural.get(key)
    if declaration is not None and declaration.values is not None:
        return graph.spell((key[0], key[1] - 1), graph.args(leaf)[:-1])
    return _readable(graph, leaf)
