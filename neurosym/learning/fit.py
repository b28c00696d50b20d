"""Training a reasoner: networks, graph network and rule weights together, from labels on what rules derive."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.learning.checkpoint import load_checkpoint, save_checkpoint
from neurosym.learning.constraints import Constraints, with_constraints
from neurosym.learning.data import Batch, as_list, shuffled
from neurosym.learning.expert import Expert
from neurosym.learning.progress import progress_bar
from neurosym.learning.weights import Limit, Prior
from neurosym.reasoner import Answers, Reasoner

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Loss = Callable[[Answers, Batch], Tensor]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    Attributes:
        loss: mean training loss; valid_loss: mean loss on the validation data, None without it.
        seconds: wall time.
    """

    number: int
    loss: float
    valid_loss: float | None
    seconds: float


@dataclass(frozen=True)
class FitResult:
    """What training did.

    Attributes:
        epochs: in order; best_epoch: position of the one whose weights the reasoner now has: the one with the least
            validation loss, the last one without validation data.
        stopped_early: whether patience ran out; resumed: whether a checkpoint was continued.
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    resumed: bool = False

    @property
    def best_loss(self) -> float:
        """The validation loss of the best epoch, or its training loss without validation data."""
        if not self.epochs:
            return math.inf
        epoch = self.epochs[self.best_epoch]
        return epoch.loss if epoch.valid_loss is None else epoch.valid_loss


@dataclass
class _State:
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    stopped: bool = False

    def plain(self) -> dict[str, Any]:
        """What a checkpoint keeps as JSON."""
        best = None if math.isinf(self.best_loss) else self.best_loss
        return {
            "epochs": [asdict(e) for e in self.epochs],
            "best_epoch": self.best_epoch,
            "best_loss": best,
            "stopped": self.stopped,
        }

    def restore(self, plain: dict[str, Any], best: dict[str, Tensor]) -> None:
        """Take over what a checkpoint kept."""
        self.epochs = [Epoch(**e) for e in plain["epochs"]]
        self.best_epoch, self.best, self.stopped = plain["best_epoch"], best, plain["stopped"]
        self.best_loss = math.inf if plain["best_loss"] is None else plain["best_loss"]


def nll(answers: Answers, batch: Batch) -> Tensor:
    """The default loss: mean negative log-likelihood of the batch's targets."""
    return answers.nll(batch.targets)


def fit(
    reasoner: Reasoner,
    train: Batch | Iterable[Batch],
    valid: Batch | Iterable[Batch] | None = None,
    *,
    epochs: int = 10,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    optimizer: torch.optim.Optimizer | None = None,
    loss: Loss = nll,
    constraints: Constraints | str | None = None,
    patience: int | None = None,
    priors: Mapping[str, Prior] | None = None,
    limits: Mapping[str, Limit] | None = None,
    seed: int = 0,
    checkpoint: str | PathLike[str] | None = None,
    progress: bool = True,
    description: str = "training",
) -> FitResult:
    """Train everything that is learnable: networks, graph networks and rule weights.

    With validation data the reasoner ends with the weights of its best epoch. With a checkpoint path the state is kept
    before the first and after each epoch, and a later call with the same path goes on from there, to the same numbers
    (the data and the other arguments must be the same; the checkpoint does not hold them).

    Args:
        train, valid: batches; samples of equal questions are mixed anew in each epoch.
        epochs: how many in all, those before a resumed checkpoint included.
        optimizer: instead of Adam with `lr` and `weight_decay`.
        loss: (answers, batch) → scalar, instead of the negative log-likelihood.
        constraints: adds what the program's constraints cost: `Constraints`, or a kind such as `semantic`.
        patience: epochs without a better validation loss (training loss, if there is no validation data) after which to
            stop; None: never.
        priors: learnable statement (its rule's name, `file:line`, or its heads) → `Beta`, `Dirichlet` or `Anchor`. What
            is minimised is the loss of all training data and the prior's negative logarithm together; the losses
            that are reported are those of the data.
        limits: learnable statement → `Fixed` or `Range`, kept after each step.
        seed: of the order of samples, and of dropout; torch's global random state is as before afterwards.
        progress: whether to show a bar on standard error; it also says how far the grounding before the first epoch
            is, unless the reasoner has a `progress` of its own.

    Raises:
        DataError: no data, nothing to train, NS642 priors or limits that do not fit, or a loss or gradient that
            is not finite (names the epoch and batch; the weights are those before that batch).
        ModelError: the checkpoint is damaged, belongs to another model, or cannot be written.
    """
    train_list = as_list(train)
    valid_list = as_list(valid) if valid is not None else None
    if constraints is not None:
        loss = with_constraints(loss, Constraints(constraints) if isinstance(constraints, str) else constraints)
    if optimizer is None:
        trainable = [p for p in reasoner.parameters() if p.requires_grad]
        if not trainable:
            raise DataError("there is nothing to train", code="NS621", help="a weight needs `learn`, or a network")
        optimizer = torch.optim.Adam(trainable, lr=lr, weight_decay=weight_decay)
    expert = Expert(reasoner, priors, limits, sum(map(_labels, train_list)))
    state = _State()
    path = Path(checkpoint) if checkpoint is not None else None
    resumed = path is not None and path.exists()
    rules = reasoner.rules_sha256()
    with torch.random.fork_rng(devices=[]), _evaluating_after(reasoner), progress_bar(progress) as bar:
        torch.manual_seed(seed)
        if path is not None and resumed:
            best, plain = load_checkpoint(path, reasoner, optimizer, rules)
            state.restore(plain, best)
        elif path is not None:
            save_checkpoint(path, reasoner, optimizer, state.best, state.plain(), rules)
        expert.keep()
        task = bar.add_task(description, total=epochs, completed=len(state.epochs), note="") if bar else None
        if bar is not None and task is not None and reasoner.progress is None:
            reasoner.progress = partial(_note, bar, task)
        while len(state.epochs) < epochs and not state.stopped:
            _epoch(reasoner, train_list, valid_list, optimizer, loss, expert, seed, patience, state)
            if path is not None:
                save_checkpoint(path, reasoner, optimizer, state.best, state.plain(), rules)
            if bar is not None and task is not None:
                last = state.epochs[-1]
                note = f"loss {last.loss:.4f}" + ("" if last.valid_loss is None else f", valid {last.valid_loss:.4f}")
                bar.update(task, completed=len(state.epochs), note=note)
    last = max(0, len(state.epochs) - 1)
    if valid_list is not None and state.best:
        reasoner.load_state_dict(state.best)
        last = state.best_epoch
    return FitResult(tuple(state.epochs), last, state.stopped, resumed)


@contextmanager
def _evaluating_after(reasoner: Reasoner) -> Iterator[None]:
    """Whatever ends the training, Ctrl-C included, leaves a reasoner that can be asked."""
    progress = reasoner.progress
    try:
        yield
    finally:
        reasoner.progress = progress
        reasoner.zero_grad(set_to_none=True)
        reasoner.eval()


def _epoch(
    reasoner: Reasoner, train: list[Batch], valid: list[Batch] | None, optimizer: torch.optim.Optimizer, loss: Loss,
    expert: Expert, seed: int, patience: int | None, state: _State,
) -> None:  # fmt: skip
    number = len(state.epochs)
    started = time.monotonic()
    reasoner.train()
    total = weight = 0.0
    for position, batch in enumerate(shuffled(train, seed * 1_000_003 + number)):
        optimizer.zero_grad()
        value = loss(reasoner.query(*batch.queries, inputs=batch.inputs), batch)
        amount = float(value.detach())
        if not math.isfinite(amount):
            raise _not_finite(f"the loss is {amount}", number, position)
        ((value + expert.penalty()) * batch.weight).backward()
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        # one number for all: a norm is finite only if every gradient is
        if not bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients, norm_type=1.0))):
            raise _not_finite("the gradient is not finite", number, position)
        expert.aim()
        optimizer.step()
        expert.keep()
        size = _size(batch)
        total += amount * size
        weight += size
    valid_loss = None if valid is None else mean_loss(reasoner, valid, loss)
    mean = total / max(weight, 1e-30)
    state.epochs.append(Epoch(number, mean, valid_loss, time.monotonic() - started))
    judged = mean if valid_loss is None else valid_loss
    if judged < state.best_loss:
        state.best_loss, state.best_epoch = judged, number
        if valid is not None:
            state.best = {k: v.detach().clone() for k, v in reasoner.state_dict().items()}
    elif patience is not None and number - state.best_epoch >= patience:
        state.stopped = True


def _not_finite(what: str, epoch: int, batch: int) -> DataError:
    return DataError(
        f"{what} in epoch {epoch + 1}, batch {batch + 1}", code="NS622", note="the weights are those before this batch",
        help="lower the learning rate, or check the data for NaN",
    )  # fmt: skip


def mean_loss(reasoner: Reasoner, data: Iterable[Batch], loss: Loss = nll) -> float:
    """The mean loss over batches, without gradients."""
    reasoner.eval()
    total = weight = 0.0
    with torch.no_grad():
        for batch in data:
            size = _size(batch)
            total += float(loss(reasoner.query(*batch.queries, inputs=batch.inputs), batch)) * size
            weight += size
    return total / max(weight, 1e-30)


def _size(batch: Batch) -> float:
    """How much a batch counts in a mean: its number of targets."""
    return float(len(batch.targets)) * batch.weight


def _labels(batch: Batch) -> float:
    """How many labels a batch has, times its weight: its loss is their mean."""
    targets = batch.targets
    if isinstance(targets, Mapping):
        return batch.weight * sum(label is not None for label in targets.values())
    if isinstance(targets, Tensor) and targets.dim() == 2:
        return batch.weight * int((~torch.isnan(targets.float())).sum())
    return batch.weight * len(targets)


def _note(bar: Progress, task: TaskID, text: str) -> None:
    """Say beside the bar how far the grounding is, which comes before the first epoch."""
    bar.update(task, note=text)
