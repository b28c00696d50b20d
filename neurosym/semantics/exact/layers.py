"""Circuits layer by layer in torch operations, for devices that compiled loops do not reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import load
from neurosym.semantics.exact.circuit import DECISION, PRODUCT, QUOTIENT, Circuit


@dataclass(frozen=True)
class _Layer:
    """Nodes of one kind whose children all lie below.

    Attributes:
        children: (e,) values' rows; negative: (e, 1) whether one minus the value is meant; segment: (e,) the node's
            place in the layer; size: how many nodes.
    """

    kind: int
    children: Tensor
    negative: Tensor
    segment: Tensor
    size: int


def in_layers(circuit: Circuit, inputs: Tensor, logs: int) -> Tensor:
    """(leaves, M) probabilities to (o, M) outputs; torch keeps what the gradients need.

    Args:
        logs: of so many outputs, the last ones, logarithms are given.
    """
    layers, outputs, negative = _laid_out(circuit, inputs.device)
    values = torch.cat([inputs.double(), inputs.new_ones((1, inputs.shape[1]), dtype=torch.float64)])
    for layer in layers:
        read = values[layer.children]
        read = torch.where(layer.negative, 1 - read, read)
        start = torch.zeros((layer.size, read.shape[1]), dtype=read.dtype, device=read.device)
        if layer.kind == PRODUCT:
            index = layer.segment[:, None].expand_as(read)
            made = torch.ones_like(start).scatter_reduce(0, index, read, "prod")
        elif layer.kind == QUOTIENT:
            above, below = read[0::2], read[1::2]
            made = torch.where(below != 0, above / torch.where(below != 0, below, 1), 0)
        elif layer.kind == DECISION:
            made = start.index_add(0, layer.segment[0::2], read[0::2] * read[1::2])
        else:
            made = start.index_add(0, layer.segment, read)
        values = torch.cat([values, made])
    result = values[outputs]
    result = torch.where(negative, 1 - result, result)
    if logs:
        plain = len(result) - logs
        result = torch.cat([result[:plain], torch.log(result[plain:])])
    return result.to(inputs.dtype)


def _laid_out(circuit: Circuit, device: torch.device) -> tuple[list[_Layer], Tensor, Tensor]:
    """Layers on a device, and the outputs' rows and signs; made once for each."""
    key = str(device)
    if key not in circuit.cache:
        circuit.cache[key] = _layers(circuit, device)
    return circuit.cache[key]


def _layers(circuit: Circuit, device: torch.device) -> tuple[list[_Layer], Tensor, Tensor]:
    first, nodes = circuit.leaves + 1, len(circuit.kinds)
    level = np.zeros(nodes, np.int64)
    load("neurosym.semantics.walks").levels(circuit.starts, circuit.children, np.arange(nodes), level)
    row = np.arange(nodes)
    layers: list[_Layer] = []
    made = first
    order = np.lexsort((circuit.kinds[first:], level[first:])) + first
    group = level[order] * 8 + circuit.kinds[order]
    for value in np.unique(group):
        members = order[group == value]
        row[members] = np.arange(made, made + len(members))
        made += len(members)
        counts = np.diff(circuit.starts)[members]
        _, at = expand(circuit.starts[members], counts)
        references = circuit.children[at]
        below = row[np.where(references >= 0, references, ~references)]
        segment = np.repeat(np.arange(len(members)), counts)
        children, negative, places = (
            torch.from_numpy(x).to(device) for x in (below, (references < 0)[:, None], segment)
        )
        layers.append(_Layer(int(value % 8), children, negative, places, len(members)))
    outputs = circuit.outputs
    rows = torch.from_numpy(row[np.where(outputs >= 0, outputs, ~outputs)]).to(device)
    return layers, rows, torch.from_numpy((outputs < 0)[:, None]).to(device)
