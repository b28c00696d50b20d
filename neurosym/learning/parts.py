"""What learning asks of the exact engine: P(observed), and how probable some facts are given that."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosym.semantics.exact import Exact, Together


class Impossible(Exception):
    """Something observed has probability 0 under the weights; `number` is that of its first interpretation."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Parts:
    """Evaluators over one graph, one for each distinct interpretation, evaluated as one circuit."""

    def __init__(self) -> None:
        """None yet."""
        self._evaluators: list[Exact] = []
        self._about: list[int] = []
        self._times: list[float] = []
        self._first: list[int] = []
        self._together: Together | None = None

    def add(self, exact: Exact, about: Sequence[int], times: float, number: int) -> None:
        """Add an evaluator under evidence.

        Args:
            about: what each of its roots counts for; times: how often its evidence was seen; number: where first.
        """
        self._evaluators.append(exact)
        self._about.extend(about)
        self._times.append(times)
        self._first.append(number)
        self._together = None

    def log_evidence(self, tags: Tensor, counts: Tensor) -> Tensor:
        """Σ times · log P(evidence), with gradients.

        Args:
            tags: (F,) leaf probabilities.
            counts: times · P(root | evidence) is added to the entry that each root counts for, without gradients.

        Raises:
            Impossible: some evidence has probability 0.
        """
        if not self._evaluators:
            return tags.new_zeros(())
        if self._together is None:
            self._together = Together(self._evaluators)
        together = self._together
        roots, logs = together(tags[None])
        if bool((logs == -torch.inf).any()):
            raise Impossible(min(self._first[k] for k in (logs[0] == -torch.inf).nonzero()[:, 0].tolist()))
        times = torch.tensor(self._times, dtype=logs.dtype)
        about = torch.tensor(self._about, dtype=torch.long)
        counts.index_add_(0, about, roots[0].detach() * times[torch.from_numpy(together.owner)])
        return (times * logs[0]).sum()
