"""What learning asks of the exact engine: P(observed), and how probable some facts are given that. Nothing else does.

An evaluator falls into independent parts, and those with evidence count. Parts that are equal, of whichever
interpretation, are evaluated once; parts of one shape share a circuit and are evaluated as one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from neurosym.semantics.exact import Exact, Solution


class Impossible(Exception):
    """Something observed has probability 0 under the weights; `number` is that of its first interpretation."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Units:
    """The places at which one solution is needed, n of them.

    Attributes:
        leaves: for each the leaf facts; `about`: what each root of the solution counts for.
        times: how often each was seen; `first`: the interpretation where it was seen first.
    """

    solution: Solution
    leaves: list[tuple[int, ...]] = field(default_factory=list)
    about: list[tuple[int, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    first: list[int] = field(default_factory=list)

    @cached_property
    def columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """(L, n) leaves, (n * R,) what the roots count for, (n,) times; once all places are known."""
        leaves = torch.tensor(self.leaves, dtype=torch.long).reshape(len(self.leaves), -1).T
        about = torch.tensor(self.about, dtype=torch.long).reshape(-1)
        return leaves, about, torch.tensor(self.times, dtype=torch.float64)


class Parts:
    """The independent parts of evaluators that have the same graph and share their solutions."""

    def __init__(self) -> None:
        """None yet."""
        self.units: dict[int, Units] = {}  # by the identity of the solution, which is kept
        self._known: dict[tuple, int] = {}

    def add(self, exact: Exact, about: Sequence[int], times: float, number: int) -> None:
        """Add an evaluator under evidence.

        Args:
            about: what each of its roots counts for; times: how often its evidence was seen; number: where first.
        """
        for solution, leaves, queries in exact._groups:
            if not solution.conditional:
                continue
            unit = self.units.setdefault(id(solution), Units(solution))
            for row, asked in zip(leaves.tolist(), queries.tolist(), strict=True):
                of = tuple(about[q] for q in asked)
                key = (id(solution), tuple(row), of)
                if key not in self._known:
                    self._known[key] = len(unit.times)
                    unit.leaves.append(tuple(row))
                    unit.about.append(of)
                    unit.times.append(0.0)
                    unit.first.append(number)
                unit.times[self._known[key]] += times

    def log_evidence(self, tags: Tensor, counts: Tensor) -> Tensor:
        """Σ times · log P(evidence), with gradients.

        Args:
            tags: (F,) leaf probabilities.
            counts: times · P(root | evidence) is added to the entry that each root counts for, without gradients.

        Raises:
            Impossible: a part of the evidence has probability 0.
        """
        total = tags.new_zeros(())
        for unit in self.units.values():
            leaves, about, times = unit.columns
            result = unit.solution.circuit(tags[leaves])  # (R + 1, n): roots with the evidence, and it alone
            evidence = result[-1]
            if not bool((evidence.detach() > 0).all()):
                raise Impossible(min(unit.first[k] for k in (evidence <= 0).nonzero()[:, 0].tolist()))
            total = total + (times * torch.log(evidence)).sum()
            if len(result) > 1:
                counts.index_add_(0, about, ((result[:-1] / evidence).detach() * times).T.reshape(-1))
        return total
