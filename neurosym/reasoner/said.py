"""What networks said when a query was answered: the concepts below the conclusions, with their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurosym.lang import Value
from neurosym.reasoner.leaves import NeuralGroup


@dataclass(frozen=True, eq=False)
class Said:
    """What one network said in one query, for P pairs of a question and a sample.

    Attributes:
        predicate: the neural predicate, such as `digit/2`; network: its network's name.
        questions: the argument tuples that were asked about, without the value.
        question, sample: (P,) long, which question, and which sample of the batch. What rests on entities alone is
            there once for all samples of one graph, and once for each sample that has facts of its own.
        values: the K values; None for a predicate that is true or false (K = 1).
        probabilities: (P, K) with gradients.
    """

    predicate: str
    network: str
    questions: tuple[tuple[Value, ...], ...]
    question: Tensor
    sample: Tensor
    values: tuple[Value, ...] | None
    probabilities: Tensor
    _group: NeuralGroup = field(repr=False)
    _inputs: Mapping[str, Tensor] = field(repr=False)

    def inputs(self) -> list[Tensor]:
        """What the network was given: one (P, …) tensor for each argument; none for a graph network."""
        return self._group.tensors(self._inputs, self.question, self.sample)


def said(
    group: NeuralGroup, question: Tensor, sample: Tensor, probabilities: Tensor, inputs: Mapping[str, Tensor]
) -> Said:  # fmt: skip
    """One network's word."""
    asked = tuple(zip(*group.terms, strict=True))
    declared = group.declaration
    return Said(
        group.predicate, declared.network, asked, question, sample, declared.values, probabilities, group, inputs
    )


def said_at_leaves(groups: Sequence[NeuralGroup], tags: Tensor, inputs: Mapping[str, Tensor]) -> tuple[Said, ...]:
    """What the (B, F) probabilities of the leaves hold of the networks' words."""
    found: list[Said] = []
    for group in groups:
        rows = tags if group.slots else tags[:1]
        batch = len(rows)
        question = torch.arange(group.n).repeat(batch)
        sample = torch.arange(batch).repeat_interleave(group.n)
        probabilities = rows[:, group.leaves.to(rows.device)].reshape(batch * group.n, group.outcomes)
        found.append(said(group, question, sample, probabilities, inputs))
    return tuple(found)
