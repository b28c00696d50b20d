"""Training a reasoner: networks, graph network and rule weights together, from labels on what rules derive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neurosym.errors import DataError
from neurosym.learning.checkpoint import load_checkpoint, save_checkpoint
from neurosym.learning.compiled import compiled
from neurosym.learning.constraints import Constraints
from neurosym.learning.data import Batch, as_list
from neurosym.learning.expert import Expert
from neurosym.learning.logs import Logger, RichLog
from neurosym.learning.losses import Loss, Term, nll, terms_of
from neurosym.learning.order import Curriculum, Order
from neurosym.learning.result import FitResult, State
from neurosym.learning.schedule import Rates, Schedule
from neurosym.learning.training import Training, modules
from neurosym.learning.weights import Limit, Prior
from neurosym.reasoner import Reasoner


def fit(
    reasoner: Reasoner,
    train: Batch | Iterable[Batch],
    valid: Batch | Iterable[Batch] | None = None,
    *,
    epochs: int = 10,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: Schedule | str | Callable[[float], float] | None = None,
    accumulate: int = 1,
    loss: Loss | Sequence[Term] = nll,
    constraints: Constraints | str | None = None,
    curriculum: Curriculum | None = None,
    same_shape: bool = False,
    patience: int | None = None,
    priors: Mapping[str, Prior] | None = None,
    limits: Mapping[str, Limit] | None = None,
    seed: int = 0,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    compile: bool | Mapping[str, Any] = False,
    progress: bool = True,
    description: str = "training",
    loggers: Sequence[Logger] = (),
) -> FitResult:
    """Train everything that is learnable: networks, graph networks and rule weights.

    With validation data the reasoner ends with the weights of its best epoch. With a checkpoint path the state is kept
    before the first and after each epoch, and a later call with the same path goes on from there, to the same numbers
    (the data and the other arguments must be the same; the checkpoint does not hold them).

    Args:
        train, valid: batches; samples of equal questions are mixed anew in each epoch.
        epochs: how many in all, those before a resumed checkpoint included.
        optimizer: instead of Adam with `lr` and `weight_decay`.
        schedule: of the learning rate: `constant`, `linear`, `cosine`, a `Schedule`, or a function that gives a factor
            for a share of the training from 0 to 1.
        accumulate: batches whose gradients make one step, as if they were one batch.
        loss: (answers, batch) → scalar, instead of the negative log-likelihood; or several, each a `Term`.
        constraints: adds what the program's constraints cost: `Constraints`, or a kind such as `semantic`.
        curriculum: lets easy samples come first.
        same_shape: puts samples of one ground shape into one batch, as far as there are enough of them: fewer and
            larger tensors, where a random batch would hold many shapes; but steps that are less alike.
        patience: epochs without a better validation loss (training loss, if there is no validation data) after which to
            stop; None: never.
        priors: learnable statement (its rule's name, `file:line`, or its heads) → `Beta`, `Dirichlet` or `Anchor`. What
            is minimised is the loss of all training data and the prior's negative logarithm together; the losses
            that are reported are those of the data.
        limits: learnable statement → `Fixed` or `Range`, kept after each step.
        seed: of the order of samples, and of dropout; torch's global random state is as before afterwards.
        checkpoint_every: batches after which the state is kept within an epoch, too.
        compile: compile the networks while they train, after a comparison with the plain ones; or arguments of
            `torch.compile`.
        progress: whether to show a bar on standard error; it also says how far the grounding before the first epoch
            is, unless the reasoner has a `progress` of its own.
        loggers: where to write the course of training, such as `CsvLog(path)`.

    Raises:
        DataError: no data, nothing to train, NS624 a log, NS625 settings and NS626 losses, NS642 priors or limits that
            do not fit; or a loss or gradient that is not finite (names the epoch and batch; the weights are those
            before that batch).
        NetworkError: NS627, a compiled network gives other gradients.
        ModelError: the checkpoint is damaged, belongs to another model, or cannot be written.
    """
    _check(accumulate, checkpoint_every)
    train_list = as_list(train)
    valid_list = as_list(valid) if valid is not None else None
    terms = _terms(loss, constraints)
    optimizer = optimizer or _adam(reasoner, terms, lr, weight_decay)
    rates = Rates(optimizer, schedule)
    expert = Expert(reasoner, priors, limits, sum(b.weight * b.labels for b in train_list))
    order = Order(train_list, seed, curriculum=curriculum, same_shape=same_shape, reasoner=reasoner)
    training = Training(
        reasoner, order, valid_list, terms, optimizer, rates, expert, epochs, accumulate, patience,
        every=checkpoint_every,
    )  # fmt: skip
    state = State()
    with torch.random.fork_rng(devices=[]), _evaluating_after(reasoner, rates), ExitStack() as closing:
        torch.manual_seed(seed)
        resumed = _keeping(Path(checkpoint), training, state) if checkpoint is not None else False
        expert.keep()
        bar = RichLog(description) if progress else None
        every = [*([bar] if bar else []), *loggers]
        for logger in every:
            closing.callback(logger.close)
            logger.start(epochs, tuple(state.epochs))
        if bar is not None and reasoner.progress is None:
            reasoner.progress = bar.note
        closing.enter_context(compiled(reasoner, compile, lambda: order.epoch(0)[0]()))
        while len(state.epochs) < epochs and not state.stopped:
            training.epoch(state)
            for logger in every:
                logger.epoch(state.epochs[-1])
    last = max(0, len(state.epochs) - 1)
    if valid_list is not None and state.best:
        reasoner.load_state_dict(state.best)
        last = state.best_epoch
    return FitResult(tuple(state.epochs), last, state.stopped, resumed)


def _check(accumulate: int, every: int | None) -> None:
    for name, value in (("accumulate", accumulate), ("checkpoint_every", 1 if every is None else every)):
        if value < 1:
            raise DataError(f"{name} is {value}, and must be at least 1", code="NS625")


def _terms(loss: Loss | Sequence[Term], constraints: Constraints | str | None) -> tuple[Term, ...]:
    terms = terms_of(loss)
    if constraints is None:
        return terms
    both = Constraints(constraints) if isinstance(constraints, str) else constraints
    return terms_of([*terms, Term("constraints", both, both.weight)])


def _adam(reasoner: Reasoner, terms: Iterable[Term], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    trainable = [p for p in reasoner.parameters() if p.requires_grad]
    if not trainable:
        raise DataError("there is nothing to train", code="NS621", help="a weight needs `learn`, or a network")
    trainable += [p for m in modules(terms) for p in m.parameters() if p.requires_grad]
    return torch.optim.Adam(trainable, lr=lr, weight_decay=weight_decay)


def _keeping(path: Path, training: Training, state: State) -> bool:
    """Go on from a checkpoint, or write the first one; the training writes the next ones. Gives whether it went on."""
    reasoner, optimizer = training.reasoner, training.optimizer
    losses = modules(training.terms)
    module = nn.ModuleDict({"reasoner": reasoner, "losses": nn.ModuleList(losses)}) if losses else reasoner
    rules = reasoner.rules_sha256()

    def save() -> None:
        save_checkpoint(path, module, optimizer, state.best, state.plain(), rules)

    training.save = save
    resumed = path.exists()
    if resumed:
        best, plain = load_checkpoint(path, module, optimizer, rules)
        state.restore(plain, best)
    else:
        save()
    return resumed


@contextmanager
def _evaluating_after(reasoner: Reasoner, rates: Rates) -> Iterator[None]:
    """Whatever ends the training, Ctrl-C included, leaves a reasoner that can be asked."""
    progress = reasoner.progress
    try:
        yield
    finally:
        reasoner.progress = progress
        reasoner.zero_grad(set_to_none=True)
        reasoner.eval()
        rates.restore()
