"""Arithmetic circuits: products, sums and quotients of leaf probabilities, evaluated over a batch with gradients.

All ways to an exact answer end here: a proof that sums and products are right writes them down directly, folding and
compiled decision diagrams add nodes of the same kinds. On the processor one compiled pass visits the nodes, so that a
chain of thousands of layers costs no more than a wide layer; on other devices the circuit runs layer by layer, see
`layers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from neurosym.grounding.compiled import load
from neurosym.semantics.part import Long

# A decision is the sum of products of its children, taken in pairs: a branch's probability, and what is below it.
LEAF, ONE, PRODUCT, SUM, QUOTIENT, DECISION = range(6)
TINY = 1e-140  # the product of two numbers above is none that floats cannot hold
CACHE, LEAST_COLUMNS = 1 << 21, 64  # bytes of the values that are worked on at a time; columns at least


def renamed(references: Long, number: Long) -> Long:
    """References to the same nodes, by the references that they get: number[n] for node n."""
    return np.where(references >= 0, number[references], ~number[~references])


class CircuitBuilder:
    """Collects nodes. A *reference* to node n is n, or `~n` for one minus its value.

    Attributes:
        one, zero: references to the constants.
    """

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.one, self.zero = leaves, ~leaves
        self.count = leaves + 1
        self._columns: list[tuple[NDArray[np.uint8], Long, Long]] = []
        self._kinds: list[int] = []
        self._sizes: list[int] = []
        self._children: list[int] = []
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._filled: dict[int, int] = {}

    def product(self, references: Sequence[int]) -> int:
        """The product of independent things."""
        if self.zero in references:
            return self.zero
        return self._node(PRODUCT, tuple(r for r in references if r != self.one), self.one)

    def sum(self, references: Sequence[int]) -> int:
        """The sum of things that exclude one another."""
        return self._node(SUM, tuple(r for r in references if r != self.zero), self.zero)

    def quotient(self, above: int, below: int) -> int:
        """Above / below; 0 where below is."""
        return above if below == self.one else self._node(QUOTIENT, (above, below), self.zero)

    def either(self, references: Sequence[int]) -> int:
        """Of independent things at least one: 1 - ∏(1 - p)."""
        return ~self.product([~r for r in references])

    def _node(self, kind: int, children: tuple[int, ...], none: int) -> int:
        if not children:
            return none
        if len(children) == 1:
            return children[0]
        key = (kind, children if kind == QUOTIENT else tuple(sorted(children)))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.count
            self.count += 1
            self._kinds.append(kind)
            self._sizes.append(len(children))
            self._children.extend(children)
        return found

    def extend(self, kinds: NDArray[np.uint8], sizes: Long, children: Long) -> int:
        """Append many nodes at once, whose children are references; gives the number of the first."""
        self._flush()
        self._columns.append((kinds, sizes, children))
        first = self.count
        self.count += len(kinds)
        return first

    def fill(self, node: int, reference: int) -> None:
        """Say what a node is that was appended with one child, to be filled in later."""
        self._filled[node] = reference

    def _flush(self) -> None:
        if self._kinds:
            self._columns.append(
                (np.array(self._kinds, np.uint8), np.array(self._sizes), np.array(self._children, np.int64))
            )
            self._kinds, self._sizes, self._children = [], [], []

    def build(self, outputs: Sequence[int] | Long) -> Circuit:
        """The circuit of the nodes that the outputs, references, depend on."""
        self._flush()
        first = self.leaves + 1
        none = (np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))
        columns = [none, *self._columns]
        kinds = np.concatenate([np.array([LEAF] * self.leaves + [ONE], np.uint8), *(k for k, _, _ in columns)])
        sizes = np.concatenate([np.zeros(first, np.int64), *(s for _, s, _ in columns)])
        children = np.concatenate([c for _, _, c in columns])
        starts = np.concatenate([[0], np.cumsum(sizes)])
        for node, reference in self._filled.items():
            children[starts[node]] = reference
        asked = np.asarray(outputs, np.int64)
        order, component = np.empty(len(kinds), np.int64), np.empty(len(kinds), np.int64)
        below = np.where(children >= 0, children, ~children)
        roots = np.where(asked >= 0, asked, ~asked)
        found = load("neurosym.semantics.walks").bottom_up(starts, below, roots, order, component)
        renamed = np.zeros(len(kinds), np.int64)
        new = (np.zeros(len(kinds), np.uint8), np.zeros(len(kinds) + 1, np.int64), np.zeros(len(children), np.int64))
        count = load("neurosym.semantics.exact.circuit_kernels").compact(
            kinds, starts, children, first, order[:found], renamed, *new
        )
        result = np.where(asked >= 0, renamed[roots], ~renamed[roots])
        edges = int(new[1][count])
        return Circuit(self.leaves, new[0][:count].copy(), new[1][: count + 1].copy(), new[2][:edges].copy(), result)


@dataclass(frozen=True, eq=False)
class Circuit:
    """N nodes: the leaves, the constant one, then each after its children.

    Attributes:
        kinds: (N,); starts: (N + 1,) offsets into children: (e,) references.
        outputs: (o,) references.
    """

    leaves: int
    kinds: NDArray[np.uint8]
    starts: Long
    children: Long
    outputs: Long
    cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def nodes(self) -> int:
        """Nodes that are computed."""
        return len(self.kinds) - self.leaves - 1

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """(leaves,) which leaves the circuit reads."""
        used = np.zeros(len(self.kinds), bool)
        for references in (self.children, self.outputs):
            used[np.where(references >= 0, references, ~references)] = True
        return used[: self.leaves]

    def only(self, columns: Sequence[int]) -> Circuit:
        """The same for some of the outputs, without the nodes that they do not rest on."""
        outputs = self.outputs[list(columns)]
        kept = np.zeros(len(self.kinds), bool)
        below = np.where(self.children >= 0, self.children, ~self.children)
        roots = np.where(outputs >= 0, outputs, ~outputs)
        load("neurosym.semantics.walks").spread(self.starts, below, np.zeros(len(kept), bool), roots, kept)
        kept[: self.leaves + 1] = True
        number, sizes = np.cumsum(kept) - 1, np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(sizes[kept])])
        children = renamed(self.children[np.repeat(kept, sizes)], number)
        return Circuit(self.leaves, self.kinds[kept], starts, children, renamed(outputs, number))

    def __call__(self, inputs: Tensor, logs: int = 0) -> Tensor:
        """(leaves, M) probabilities to (o, M) values, with gradients.

        Args:
            logs: of so many outputs, the last ones, natural logarithms are given: -inf for 0 alone, however small.
        """
        if inputs.device.type == "cpu":
            return _Evaluate.apply(inputs, self, logs)  # pyright: ignore[reportReturnType]
        from neurosym.semantics.exact.layers import in_layers

        return in_layers(self, inputs, logs)


class _Evaluate(torch.autograd.Function):
    """Forward and backward in compiled loops, in float64 whatever the inputs: rounding adds up over many factors.

    Where numbers come near the smallest floats, all is done again with exponents apart.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, circuit: Circuit, logs: int) -> Tensor:
        given = inputs.detach().to(torch.float64).contiguous().numpy()
        width = given.shape[1]
        values = np.empty((len(circuit.kinds), _columns(len(circuit.kinds), width)))
        result = np.empty((len(circuit.outputs), width))
        flat = (circuit.kinds, circuit.starts, circuit.children)
        least = load("neurosym.semantics.exact.circuit_kernels").forward(*flat, given, circuit.outputs, values, result)
        plain = len(result) - logs
        if least < TINY:
            result, small, made = _scaled(circuit, given)
        else:
            small, made = np.zeros((logs, 1), np.int64), None
        ctx.saved = circuit, given, values, made, plain, result[plain:].copy(), small  # pyright: ignore
        ctx.dtype = inputs.dtype  # pyright: ignore
        if made is not None:
            result[:plain] = np.ldexp(result[:plain], np.clip(small[:plain], -2000, 2000))
        if logs:
            with np.errstate(divide="ignore"):
                result[plain:] = np.log(result[plain:]) + small[-logs:] * np.log(2)
        return torch.from_numpy(result).to(inputs.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore
        circuit, inputs, values, scaled, plain, logged, small = ctx.saved  # pyright: ignore
        given = upstream[0].detach().to(torch.float64).contiguous().numpy()
        if len(logged):
            given = given.copy()
            given[plain:] = np.divide(given[plain:], logged, out=np.zeros_like(logged), where=logged != 0)
        flat = (circuit.kinds, circuit.starts, circuit.children)
        if scaled is None:
            result = np.empty_like(inputs)
            load("neurosym.semantics.exact.circuit_kernels").backward(
                *flat, inputs, circuit.outputs, values, given, result
            )
            return torch.from_numpy(result).to(ctx.dtype), None, None  # pyright: ignore
        mantissas, powers = scaled
        gradient, scale = np.zeros_like(mantissas), np.zeros_like(powers)
        small = small.copy()
        small[:plain] = 0  # of an output that is a logarithm, the gradient is divided by the value
        nodes = np.where(circuit.outputs >= 0, circuit.outputs, ~circuit.outputs)
        signs = np.where(circuit.outputs >= 0, 1.0, -1.0)[:, None]
        _add_scaled(gradient, scale, nodes, given * signs, -small)
        kernels = load("neurosym.semantics.exact.scaled_kernels")
        kernels.backward(*flat, circuit.leaves + 1, mantissas, powers, gradient, scale)
        leaves = slice(None, circuit.leaves)
        made = np.ldexp(gradient[leaves], np.clip(scale[leaves], -2000, 2000))
        return torch.from_numpy(made).to(ctx.dtype), None, None  # pyright: ignore


def _columns(nodes: int, width: int) -> int:
    """How many columns are evaluated at a time."""
    return max(1, min(width, max(LEAST_COLUMNS, CACHE // (8 * nodes))))


Floats = NDArray[np.float64]


def _scaled(circuit: Circuit, inputs: Floats) -> tuple[Floats, Long, tuple[Floats, Long]]:
    """Outputs as mantissas and exponents, and those of all nodes."""
    values = np.empty((len(circuit.kinds), inputs.shape[1]))
    values[: circuit.leaves], values[circuit.leaves] = inputs, 1
    powers = np.empty(values.shape, np.int64)
    load("neurosym.semantics.exact.scaled_kernels").forward(
        circuit.kinds, circuit.starts, circuit.children, circuit.leaves + 1, values, powers
    )
    nodes, negative = np.where(circuit.outputs >= 0, circuit.outputs, ~circuit.outputs), circuit.outputs < 0
    result, small = values[nodes], powers[nodes]
    if negative.any():
        result[negative] = 1 - np.ldexp(result[negative], np.clip(small[negative], -2000, 2000))
        small[negative] = 0
    return result, small, (values, powers)


def _add_scaled(gradient: Floats, scale: Long, nodes: Long, given: Floats, powers: Long) -> None:
    """Add outputs' gradients to their nodes', one after the other: they may be of very different sizes."""
    for node, row, power in zip(nodes.tolist(), given, powers, strict=True):
        top = np.maximum(np.where(gradient[node] != 0, scale[node], power), power)
        total = np.ldexp(gradient[node], np.maximum(scale[node] - top, -2000)) + np.ldexp(
            row, np.maximum(power - top, -2000)
        )
        gradient[node], shift = np.frexp(total)
        scale[node] = np.where(total != 0, top + shift, 0)
