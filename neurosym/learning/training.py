"""The loop of training: epochs of steps, a step of one batch or of several whose gradients add up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.learning.data import Batch
from neurosym.learning.expert import Expert
from neurosym.learning.losses import Loss, Term, nll, terms_of, total
from neurosym.learning.order import Order
from neurosym.learning.result import Epoch, State, Sums
from neurosym.learning.schedule import Rates
from neurosym.reasoner import Reasoner

WHOLE = ""  # the name of the weighted sum of all losses


@dataclass
class Training:
    """Everything that a step needs.

    Attributes:
        accumulate: batches of a step; epochs: of the whole training.
        save: writes the state, if it shall be written; every: after so many batches, besides after each epoch.
    """

    reasoner: Reasoner
    order: Order
    valid: list[Batch] | None
    terms: tuple[Term, ...]
    optimizer: torch.optim.Optimizer
    rates: Rates
    expert: Expert
    epochs: int
    accumulate: int = 1
    patience: int | None = None
    save: Callable[[], None] | None = None
    every: int | None = None

    def epoch(self, state: State) -> None:
        """Run the epoch that is next, or what is left of it."""
        number = len(state.epochs)
        started = time.monotonic()
        self._mode(True)
        made = self.order.epoch(number)
        written = state.batches
        for start in range(state.batches, len(made), self.accumulate):
            group = [make() for make in made[start : start + self.accumulate]]
            self.rates.set((number + (start + len(group) / 2) / len(made)) / self.epochs)
            self._step(group, number, start, state.sums)
            state.batches = start + len(group)
            due = self.every is not None and state.batches - written >= self.every and state.batches < len(made)
            if due and self.save is not None:
                self.save()
                written = state.batches
        losses = state.sums.means()
        valid = {} if self.valid is None else self._judged(self.valid)
        epoch = Epoch(
            number, losses.pop(WHOLE), valid.pop(WHOLE, None), time.monotonic() - started, losses, valid,
            self.rates.now, state.batches,
        )  # fmt: skip
        state.finish(epoch, None if self.valid is None else self.reasoner.state_dict(), self.patience)
        if self.save is not None:
            self.save()

    def _step(self, group: Sequence[Batch], epoch: int, first: int, sums: Sums) -> None:
        """One step of the optimizer; several batches count as one that has all their labels."""
        self.optimizer.zero_grad()
        shares = _shares(group)
        found: list[tuple[dict[str, float], float]] = []
        for position, (batch, share) in enumerate(zip(group, shares, strict=True), first):
            value, losses = total(self.terms, batch.ask(self.reasoner), batch)
            amounts = self._finite(value, losses, epoch, position)
            found.append((amounts, batch.size))
            weight = batch.weight if share == 1 else batch.weight * share
            ((value + self.expert.penalty()) * weight).backward()
        gradients = [p.grad for g in self.optimizer.param_groups for p in g["params"] if p.grad is not None]
        # one number for all: a norm is finite only if every gradient is
        if not bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients, norm_type=1.0))):
            raise _not_finite("the gradient is not finite", epoch, first + len(group) - 1)
        self.expert.aim()
        self.optimizer.step()
        self.expert.keep()
        for amounts, size in found:
            sums.add(amounts, size)

    def _finite(self, value: Tensor, losses: dict[str, Tensor], epoch: int, position: int) -> dict[str, float]:
        """The losses as numbers, the sum included."""
        single = len(self.terms) == 1 and self.terms[0].weight == 1
        amounts = {WHOLE: float(value.detach())}
        for name, loss in losses.items():
            amounts[name] = amounts[WHOLE] if single else float(loss.detach())
            if not math.isfinite(amounts[name]):
                what = "the loss" if len(self.terms) == 1 else f"the loss `{name}`"
                raise _not_finite(f"{what} is {amounts[name]}", epoch, position)
        return amounts

    def _judged(self, data: Iterable[Batch]) -> dict[str, float]:
        """The mean losses over batches, without gradients."""
        self._mode(False)
        return judged(self.reasoner, data, self.terms)

    def _mode(self, training: bool) -> None:
        self.reasoner.train(training)
        for module in modules(self.terms):
            module.train(training)


def modules(terms: Iterable[Term]) -> list[nn.Module]:
    """The losses that are torch modules."""
    return [t.loss for t in terms if isinstance(t.loss, nn.Module)]


def judged(reasoner: Reasoner, data: Iterable[Batch], terms: Sequence[Term]) -> dict[str, float]:
    """Name of a loss → its mean over batches; their weighted sum under the empty name."""
    sums = Sums()
    with torch.no_grad():
        for batch in data:
            value, losses = total(terms, batch.ask(reasoner), batch)
            sums.add({WHOLE: float(value)} | {name: float(loss) for name, loss in losses.items()}, batch.size)
    return sums.means()


def mean_loss(reasoner: Reasoner, data: Iterable[Batch], loss: Loss | Sequence[Term] = nll) -> float:
    """The mean loss over batches, without gradients."""
    reasoner.eval()
    return judged(reasoner, data, terms_of(loss)).get(WHOLE, 0.0)


def _shares(group: Sequence[Batch]) -> list[float]:
    """How much each batch counts in its step: by its labels, because its loss is a mean over them."""
    if len(group) == 1:
        return [1.0]
    labels = [max(1, batch.labels) for batch in group]
    return [n / sum(labels) for n in labels]


def _not_finite(what: str, epoch: int, batch: int) -> DataError:
    return DataError(
        f"{what} in epoch {epoch + 1}, batch {batch + 1}", code="NS622", note="the weights are those before this batch",
        help="lower the learning rate, or check the data for NaN",
    )  # fmt: skip
