"""The exact semantics: probabilities of facts under the distribution semantics, with evidence.

Sato, A statistical learning method for logic programs with distribution semantics (ICLP 1995); De Raedt, Kimmig &
Toivonen, ProbLog (IJCAI 2007).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import ImpossibleEvidence
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.semantics.exact.circuit import Circuit
from neurosym.semantics.exact.compile import Solutions
from neurosym.semantics.exact.normal import simplified
from neurosym.semantics.exact.observe import Impossible
from neurosym.semantics.exact.solve import Method, Solver
from neurosym.semantics.exact.structure import structure_of
from neurosym.semantics.exact.view import readable
from neurosym.semantics.part import relevant_part

MAX_CIRCUIT = 10_000_000
SHOWN = 4  # choices that a detail names


class Exact:
    """Probabilities of some facts of a graph, given evidence; made once, evaluated for every batch.

    Attributes:
        methods: for each root how it was solved.
        circuit: the nodes of all roots, or None where all is certain; its outputs are the uncertain roots, then the
            independent parts of the evidence.
        uncertain: columns of the roots that are not certain; parts: how many parts the evidence has.
        leaf_facts: (L,) fact ids of the circuit's leaves.
    """

    def __init__(
        self, graph: DerivationGraph, roots: Sequence[int], evidence: Sequence[tuple[int, bool]] = (),
        max_circuit: int = MAX_CIRCUIT, solutions: Solutions | None = None,
    ) -> None:  # fmt: skip
        """Find the cheapest exact way to each root.

        Args:
            roots: fact ids asked for, r of them.
            evidence: (fact id, observed true).
            max_circuit: nodes of a compiled diagram at which to stop.
            solutions: shapes that were solved before; new ones are added.

        Raises:
            SemanticsError: the evidence is impossible, or a circuit grew past its limit.
        """
        self.graph = graph
        self.roots = tuple(roots)
        self.count = len(roots)
        certain = graph.status == CERTAIN
        for fact, observed in evidence:
            if certain[fact] and not observed:
                raise impossible(f"{graph.atom(fact)} is certain, and was observed to be false")
        observed = [(f, o) for f, o in evidence if not certain[f]]
        self._observed = bool(observed)
        self.uncertain = [k for k, f in enumerate(roots) if not certain[f]]
        self.methods: list[Method] = [Method("certain")] * len(roots)
        self.circuit: Circuit | None = None
        self.parts = 0
        self.leaf_facts = np.zeros(0, np.int64)
        asked = np.array([roots[k] for k in self.uncertain] + [f for f, _ in observed], np.int32)
        if not len(asked):
            return
        part = relevant_part(graph, asked, drop_certain=True)
        structure = structure_of(graph, part)
        structure = simplified(graph, structure, structure.number[part.roots])
        numbers = structure.number[part.roots].tolist()
        self._roots = numbers[: len(self.uncertain)]
        known: dict[int, bool] = {}
        for fact, (_, value) in zip(numbers[len(self.uncertain) :], observed, strict=True):
            if known.setdefault(fact, value) != value:
                raise impossible(f"{graph.atom(int(structure.facts[fact]))} was observed both true and false")
        try:
            self._solver = Solver(graph, structure, known, max_circuit, {} if solutions is None else solutions)
        except Impossible as error:
            fact = int(structure.facts[error.args[0]])
            raise impossible(f"no world agrees with what was observed of {readable(graph, fact)}") from None
        solved = self._solver.solve(self._roots)
        for k, (_, _, method) in zip(self.uncertain, solved, strict=True):
            self.methods[k] = method
        # outputs: each root given the evidence, then the independent parts of the evidence
        parts = [*self._solver.totals, *self._solver.alone()]
        quotients = [self._solver.builder.quotient(joint, given) for joint, given, _ in solved]
        self.parts = len(parts)
        self.circuit = self._solver.builder.build([*quotients, *parts])
        self.leaf_facts = structure.leaf_facts.astype(np.int64)
        self._leaves = torch.from_numpy(self.leaf_facts)

    def only(self, columns: Sequence[int]) -> Exact:
        """The same for some of the roots: nothing is solved again."""
        made = copy(self)
        made.__dict__.pop("inner", None)
        made.__dict__.pop("column_of", None)
        made.roots = tuple(self.roots[k] for k in columns)
        known = [self.graph.status[f] != CERTAIN for f in made.roots]
        rows = [bisect_left(self.uncertain, k) for k, open_ in zip(columns, known, strict=True) if open_]
        made.count = len(columns)
        made.uncertain = [n for n, open_ in enumerate(known) if open_]
        made.methods = [self.methods[k] for k in columns]
        if self.circuit is not None:
            made._roots = [self._roots[r] for r in rows]
            count = len(self.uncertain)
            made.circuit = self.circuit.only([*rows, *range(count, count + self.parts)])
        return made

    @cached_property
    def column_of(self) -> dict[int, int]:
        """Root → its column."""
        return {f: k for k, f in enumerate(self.roots)}

    @property
    def size(self) -> int:
        """Nodes of the circuit, and bodies that it was made from."""
        return 0 if self.circuit is None else self.circuit.nodes + len(self._solver.view.normal.origin)

    @cached_property
    def inner(self) -> tuple[dict[int, int], Circuit] | None:
        """The facts that the roots were computed from, each with the output of a circuit that is its probability.

        Facts inside of what was compiled as one are not among them. None under evidence, of which this knows nothing,
        and where all is certain.
        """
        if self.circuit is None or self._observed:
            return None
        known = self._solver.known(self._roots)
        facts = self._solver.view.structure.facts[known].tolist()
        circuit = self._solver.builder.build(self._solver.reference[known])
        return {fact: k for k, fact in enumerate(facts)}, circuit

    def inside(self, inputs: Tensor, facts: Iterable[int]) -> dict[int, float]:
        """The probabilities of those of some facts that were found on the way to the roots.

        Args:
            inputs: (F,) leaf probabilities.
        """
        if self.inner is None:
            return {}
        column, circuit = self.inner
        wanted = [f for f in facts if f in column]
        if not wanted:
            return {}
        values = circuit(inputs[self._leaves.to(inputs.device)][:, None])[:, 0].tolist()
        return {f: values[column[f]] for f in wanted}

    @property
    def details(self) -> list[str]:
        """For each root the reason for its method, in words."""
        return [self.detail(k) for k in range(self.count)]

    def detail(self, column: int) -> str:
        """The reason for a root's method, in words: `groundings told apart by digit(a), digit(b)`."""
        method = self.methods[column]
        if method.name == "certain" or self.circuit is None:
            return ""
        if method.name == "circuit":
            shared = method.shared
            because = f": {self._solver.view.name(shared)} has proofs that share choices" if shared >= 0 else ""
            return f"{method.choices} choices, {method.nodes} nodes{because}"
        if method.folded:
            return "taken together fact by fact, each conjunction once"
        names = self._solver.told_apart(self._roots[self.uncertain.index(column)], SHOWN + 1)
        if not names:
            several = self._solver.several(self._roots[self.uncertain.index(column)])
            return "one choice" if method.choices == 1 else "independent proofs" if several else "one proof"
        return "groundings told apart by " + ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")

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
        if self.circuit is None:
            return inputs.new_ones((len(inputs), self.count))
        return self._given(inputs, 1.0, self.parts, impossible)

    def log(self, inputs: Tensor) -> Tensor:
        """(B, r) natural logarithms of the probabilities, however small; -inf for 0 alone.

        Raises:
            SemanticsError: as for the probabilities.
        """
        if self.circuit is None:
            return inputs.new_zeros((len(inputs), self.count))
        return self._given(inputs, 0.0, len(self.circuit.outputs), None)

    def log_evidence(self, inputs: Tensor) -> Tensor:
        """(B,) natural logarithm of the probability of the evidence; -inf where it cannot be."""
        if self.circuit is None or not self.parts:
            return inputs.new_zeros(len(inputs))
        return self._run(inputs, self.parts)[-self.parts :].sum(dim=0)

    def _run(self, inputs: Tensor, logs: int) -> Tensor:
        assert self.circuit is not None
        return self.circuit(inputs.T[self._leaves.to(inputs.device)], logs)

    def _given(self, inputs: Tensor, certain: float, logs: int, impossible: float | None) -> Tensor:
        """Answers for the uncertain roots, put among those for the certain ones."""
        values = self._run(inputs, logs)
        count = len(self.uncertain)
        result = values[:count]
        if self.parts:
            possible = (values[count:] > -torch.inf).all(dim=0)
            if impossible is None and not bool(possible.all()):
                raise _impossible("the evidence has probability 0")
            if impossible is not None:
                result = torch.where(possible, result, impossible)
        if count == self.count:
            return result.T
        index = torch.tensor(self.uncertain, dtype=torch.long, device=inputs.device)
        return inputs.new_full((len(inputs), self.count), certain).index_copy(1, index, result.T)


def impossible(why: str) -> ImpossibleEvidence:
    """The error for evidence of probability 0."""
    return ImpossibleEvidence(
        "the evidence cannot be: it has probability 0", note=why,
        help="take back an observation, or allow for error in a rule",
    )  # fmt: skip


_impossible = impossible
