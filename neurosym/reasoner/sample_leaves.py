"""Probabilities of the leaves of many samples: shape by shape, with one call of each network for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.grounding import ChoiceGroup, SampleGraphs, SampleShape
from neurosym.neural import FeatureTable
from neurosym.reasoner.leaves import NeuralGroup
from neurosym.reasoner.said import Said, said


@dataclass(frozen=True)
class _Asked:
    """What the samples of a shape ask of one network.

    Attributes:
        group: number of the neural group; rows: (B, n) its rows that are asked about.
        places: (n * K,) the leaves' numbers in the shape's graph.
    """

    group: int
    rows: Tensor
    places: Tensor


@dataclass(frozen=True)
class _ShapeLeaves:
    """The leaves of one shape.

    Attributes:
        base: (B, F) constant probabilities, 0 elsewhere.
        learned: (parameter, numbers of its leaves, how many there are for each outcome).
    """

    base: Tensor
    learned: list[tuple[int, Tensor, int]]
    asked: list[_Asked]


class SampleLeaves:
    """Fills the leaves of all shapes, for any weights and inputs."""

    def __init__(
        self, graphs: SampleGraphs, networks: Mapping[str, nn.Module], features: Mapping[str, FeatureTable],
    ) -> None:  # fmt: skip
        """Look up where each leaf's probability comes from.

        Raises:
            NetworkError: NS601 a network is missing, NS606 one reads a graph.
            DataError: NS614 features are missing.
        """
        self.graphs = graphs
        self._neural: list[NeuralGroup] = []
        numbers: dict[object, int] = {}
        view = replace(graphs.whole, program=graphs.program)
        for group in graphs.whole.choices:
            if group.kind == "neural":
                stripped = graphs.group(group, np.arange(len(group.facts)), group.facts)
                numbers[stripped.key] = len(self._neural)
                self._neural.append(NeuralGroup(view, stripped, networks, features))
        for made in self._neural:
            if made.uses_graph:
                raise NetworkError(
                    f"the graph network `{made.declaration.network}` cannot be asked for many samples together yet",
                    code="NS606", help="ask each sample by itself: `reasoner.over(facts).query(…)`",
                )  # fmt: skip
        probability = np.zeros(graphs.whole.num_facts)
        for group in graphs.whole.choices:
            if group.probabilities is not None:
                probability[group.facts] = group.probabilities
        self.shapes = [self._shape(shape, probability, numbers) for shape in graphs.shapes]

    @property
    def slots(self) -> set[str]:
        """Names of the per-sample inputs that the networks need."""
        return set().union(*(g.slots for g in self._neural)) if self._neural else set()

    def _shape(
        self, shape: SampleShape, probability: NDArray[np.float64], numbers: Mapping[object, int]
    ) -> _ShapeLeaves:  # fmt: skip
        base = np.zeros((len(shape.samples), shape.graph.num_facts))
        learned: list[tuple[int, Tensor, int]] = []
        asked: list[_Asked] = []
        for group in shape.graph.choices:
            if group.kind == "constant":
                leaves = group.facts.reshape(-1)
                base[:, leaves] = probability[shape.in_whole(leaves)]
            elif group.kind == "learned":
                assert group.parameters is not None
                for parameter in np.unique(group.parameters).tolist():
                    rows = group.facts[group.parameters == parameter]
                    learned.append((parameter, torch.from_numpy(rows.T.astype(np.int64)).reshape(-1), len(rows)))
            else:
                asked.append(self._asked(shape, group, numbers[group.key]))
        return _ShapeLeaves(torch.from_numpy(base).double(), learned, asked)

    def _asked(self, shape: SampleShape, group: ChoiceGroup, number: int) -> _Asked:
        choices = self.graphs.whole.choice[shape.in_whole(group.facts[:, 0])]
        rows = torch.from_numpy(self.graphs.cut.choices.row[choices].astype(np.int64))
        return _Asked(number, rows, torch.from_numpy(group.facts.astype(np.int64)).reshape(-1))

    def __call__(
        self, chosen: list[tuple[int, Tensor, Tensor]], weights: Callable[[int], Tensor], inputs: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], tuple[Said, ...]]:
        """(B, F) probabilities for some samples of some shapes, and what the networks said.

        Args:
            chosen: number of the shape, (B,) rows of its samples, and (B,) where these stand in the inputs.
            weights: parameter index → its (K,) probabilities; inputs: slot → (n, …).
        """
        answers, heard = self._ask(chosen, inputs)
        result: list[Tensor] = []
        for (number, rows, _), mine in zip(chosen, answers, strict=True):
            leaves = self.shapes[number]
            places: list[Tensor] = []
            values: list[Tensor] = []
            for parameter, at, count in leaves.learned:
                probability = weights(parameter).double()
                places.append(at)
                values.append(probability.repeat_interleave(count)[None, :].expand(len(rows), -1))
            for asked, probability in zip(leaves.asked, mine, strict=True):
                places.append(asked.places)
                values.append(probability)
            device = values[0].device if values else leaves.base.device
            full = leaves.base[rows].to(device)
            if places:
                index = torch.cat(places).to(device)
                full = full.index_copy(1, index, torch.cat([v.to(device) for v in values], dim=1))
            result.append(full)
        return result, heard

    def _ask(
        self, chosen: list[tuple[int, Tensor, Tensor]], inputs: Mapping[str, Tensor]
    ) -> tuple[list[list[Tensor]], tuple[Said, ...]]:
        """For each shape (B, n * K) probabilities of each of its questions; a network is called once for all."""
        found: dict[tuple[int, int], Tensor] = {}
        heard: list[Said] = []
        for number, group in enumerate(self._neural):
            pairs: list[tuple[tuple[int, int], Tensor, Tensor]] = []
            for at, (shape, rows, positions) in enumerate(chosen):
                for k, asked in enumerate(self.shapes[shape].asked):
                    if asked.group == number:
                        wanted = asked.rows[rows]  # (B, n)
                        pairs.append(((at, k), wanted, positions[:, None].expand_as(wanted)))
            if not pairs:
                continue
            rows = torch.cat([w.reshape(-1) for _, w, _ in pairs])
            samples = torch.cat([p.reshape(-1) for _, _, p in pairs])
            answers = group.ask_some(inputs, rows, samples)
            heard.append(said(group, rows, samples, answers, inputs))
            for (where, wanted, _), part in zip(pairs, answers.split([w.numel() for _, w, _ in pairs]), strict=True):
                found[where] = part.reshape(len(wanted), -1)
        asked = [[found[at, k] for k in range(len(self.shapes[s].asked))] for at, (s, _, _) in enumerate(chosen)]
        return asked, tuple(heard)
