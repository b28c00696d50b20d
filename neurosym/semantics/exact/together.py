"""Many evaluators over one graph, such as those of many interpretations, evaluated as one circuit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neurosym.semantics.exact.circuit import LEAF, ONE, Circuit, renamed
from neurosym.semantics.exact.exact import Exact
from neurosym.semantics.part import Long


class Together:
    """The circuits of n evaluators side by side, over the same leaves.

    Attributes:
        owner: (R,) the evaluator that each root belongs to.
    """

    def __init__(self, evaluators: Sequence[Exact]) -> None:
        """Join their circuits; the roots keep their order."""
        self.count = len(evaluators)
        self.owner = np.repeat(np.arange(self.count), [e.count for e in evaluators])
        solved = [(n, e, e.circuit) for n, e in enumerate(evaluators) if e.circuit is not None]
        leaves = np.unique(np.concatenate([e.leaf_facts for _, e, _ in solved] or [np.zeros(0, np.int64)]))
        self.leaves = torch.from_numpy(leaves)
        kinds = [np.array([LEAF] * len(leaves) + [ONE], np.uint8)]
        sizes = [np.zeros(len(leaves) + 1, np.int64)]
        children: list[Long] = [np.zeros(0, np.int64)]
        roots: list[Long] = [np.zeros(0, np.int64)]
        parts: list[Long] = [np.zeros(0, np.int64)]
        places: list[Long] = [np.zeros(0, np.int64)]
        part_of: list[Long] = [np.zeros(0, np.int64)]
        made = len(leaves) + 1
        first_root = np.cumsum([0, *(e.count for e in evaluators)])
        for n, exact, circuit in solved:
            own = len(exact.leaf_facts)
            node = np.concatenate(
                [np.searchsorted(leaves, exact.leaf_facts), [len(leaves)], np.arange(made, made + circuit.nodes)]
            )
            kinds.append(circuit.kinds[own + 1 :])
            sizes.append(np.diff(circuit.starts)[own + 1 :])
            children.append(renamed(circuit.children, node))
            outputs = renamed(circuit.outputs, node)
            split = len(outputs) - exact.parts
            roots.append(outputs[:split])
            parts.append(outputs[split:])
            places.append(first_root[n] + np.array(exact.uncertain, np.int64))
            part_of.append(np.full(exact.parts, n))
            made += circuit.nodes
        starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
        outputs = np.concatenate([*roots, *parts])
        self._places = torch.from_numpy(np.concatenate(places))
        self._part_of = torch.from_numpy(np.concatenate(part_of))
        self.circuit = Circuit(len(leaves), np.concatenate(kinds), starts, np.concatenate(children), outputs)

    def __call__(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of all roots given their evidence, and logarithms of the evidence's probability.

        Args:
            inputs: (B, F) leaf probabilities.

        Returns:
            (B, R), meaningless where the evidence cannot be; and (B, n), -inf there. With gradients.
        """
        values = self.circuit(inputs.T[self.leaves], len(self._part_of))
        split = len(values) - len(self._part_of)
        roots = values.new_ones((len(self.owner), values.shape[1])).index_copy(0, self._places, values[:split])
        logs = values.new_zeros((self.count, values.shape[1])).index_add(0, self._part_of, values[split:])
        return roots.T, logs.T
