"""Arithmetic circuits: sums, products and complements of leaf probabilities, evaluated in layers over a batch.

Both ways to an exact answer end here: a proof that sums and products are right writes them down directly, a compiled
decision diagram is read off node by node. Nodes are numbered so that each layer is a contiguous block of one buffer;
the backward pass walks the same blocks in reverse, without a graph of autograd nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

LEAF, ZERO, ONE, COMPLEMENT, PRODUCT, SUM = range(6)


class CircuitBuilder:
    """Hash-consed nodes; the simplifications are those that hold for all numbers."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self._nodes: list[tuple[int, tuple[int, ...]]] = [(LEAF, ())] * leaves + [(ZERO, ()), (ONE, ())]
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self.zero, self.one = leaves, leaves + 1

    def _node(self, kind: int, children: tuple[int, ...]) -> int:
        key = (kind, children)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def complement(self, x: int) -> int:
        """1 − x."""
        if x in (self.zero, self.one):
            return self.zero if x == self.one else self.one
        kind, children = self._nodes[x]
        return children[0] if kind == COMPLEMENT else self._node(COMPLEMENT, (x,))

    def product(self, children: Sequence[int]) -> int:
        """The product, as a balanced tree of binary nodes."""
        if self.zero in children:
            return self.zero
        rest = [c for c in children if c != self.one]
        if not rest:
            return self.one
        while len(rest) > 1:
            pairs = [self._node(PRODUCT, tuple(sorted(rest[i : i + 2]))) for i in range(0, len(rest) - 1, 2)]
            rest = pairs + rest[len(rest) - len(rest) % 2 :]
        return rest[0]

    def sum(self, children: Sequence[int]) -> int:
        """The sum."""
        rest = tuple(sorted(c for c in children if c != self.zero))
        if not rest:
            return self.zero
        return rest[0] if len(rest) == 1 else self._node(SUM, rest)

    def build(self, outputs: Sequence[int]) -> Circuit:
        """The circuit of the nodes that the outputs depend on."""
        level = [0] * len(self._nodes)
        needed = [False] * len(self._nodes)
        for output in outputs:
            needed[output] = True
        for index in range(len(self._nodes) - 1, self.one, -1):  # children come before their parents
            if needed[index]:
                for child in self._nodes[index][1]:
                    needed[child] = True
        blocks: dict[tuple[int, int], list[int]] = {}
        for index in range(self.one + 1, len(self._nodes)):
            if needed[index]:
                kind, children = self._nodes[index]
                level[index] = 1 + max(level[c] for c in children)
                blocks.setdefault((level[index], kind), []).append(index)
        number = list(range(self.leaves + 2)) + [-1] * (len(self._nodes) - self.leaves - 2)
        count = self.leaves + 2
        layers: list[_Layer] = []
        for (_, kind), members in sorted(blocks.items()):
            for index in members:
                number[index] = count
                count += 1
            layers.append(_layer(kind, [[number[c] for c in self._nodes[i][1]] for i in members], count))
        return Circuit(self.leaves, count, tuple(layers), torch.tensor([number[o] for o in outputs], dtype=torch.long))


@dataclass(frozen=True)
class _Layer:
    kind: int
    start: int
    stop: int
    left: Tensor  # children; of a product the first ones
    right: Tensor  # of a product the second ones; of a sum the position of the parent within the layer


def _layer(kind: int, children: list[list[int]], stop: int) -> _Layer:
    start = stop - len(children)
    if kind == PRODUCT:
        left, right = [c[0] for c in children], [c[1] for c in children]
    elif kind == COMPLEMENT:
        left, right = [c[0] for c in children], []
    else:
        left = [x for c in children for x in c]
        right = [k for k, c in enumerate(children) for _ in c]
    return _Layer(kind, start, stop, torch.tensor(left, dtype=torch.long), torch.tensor(right, dtype=torch.long))


@dataclass(frozen=True)
class Circuit:
    """N nodes: the leaves, zero, one, then layer after layer.

    Attributes:
        outputs: (o,) node numbers.
    """

    leaves: int
    nodes: int
    layers: tuple[_Layer, ...]
    outputs: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        """(leaves, M) probabilities to (o, M) values, with gradients."""
        return _Evaluate.apply(inputs, self)  # pyright: ignore[reportReturnType]

    def to(self, device: torch.device) -> Circuit:
        """The circuit with its index tensors on a device."""
        if self.outputs.device == device:
            return self
        layers = tuple(_Layer(x.kind, x.start, x.stop, x.left.to(device), x.right.to(device)) for x in self.layers)
        return Circuit(self.leaves, self.nodes, layers, self.outputs.to(device))


class _Evaluate(torch.autograd.Function):
    """Forward and backward over one buffer of (N, M) values."""

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, circuit: Circuit) -> Tensor:
        values = inputs.new_empty((circuit.nodes, inputs.shape[1]))
        values[: circuit.leaves] = inputs
        values[circuit.leaves] = 0
        values[circuit.leaves + 1] = 1
        for layer in circuit.layers:
            block = values[layer.start : layer.stop]
            if layer.kind == PRODUCT:
                torch.mul(values[layer.left], values[layer.right], out=block)
            elif layer.kind == COMPLEMENT:
                torch.sub(1, values[layer.left], out=block)
            else:
                block.zero_().index_add_(0, layer.right, values[layer.left])
        ctx.circuit = circuit  # pyright: ignore[reportAttributeAccessIssue]
        ctx.save_for_backward(values)
        return values[circuit.outputs]

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, None]:  # pyright: ignore
        circuit: Circuit = ctx.circuit  # pyright: ignore[reportAttributeAccessIssue]
        (values,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        gradient = torch.zeros_like(values)
        gradient.index_add_(0, circuit.outputs, upstream[0])
        for layer in reversed(circuit.layers):
            block = gradient[layer.start : layer.stop]
            if layer.kind == PRODUCT:
                gradient.index_add_(0, layer.left, block * values[layer.right])
                gradient.index_add_(0, layer.right, block * values[layer.left])
            elif layer.kind == COMPLEMENT:
                gradient.index_add_(0, layer.left, -block)
            else:
                gradient.index_add_(0, layer.left, block[layer.right])
        return gradient[: circuit.leaves], None
