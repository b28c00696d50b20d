"""Training on few labels, with and without relations; and a class that is added to a trained network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import neurosym as ns
from neurosym.learning import ClassBalance, Schedule, Term, batches, concept_nll, nll
from neurosym.neural import DigitNet, Prototypes
from tasks.common.begin import drawn, unstuck
from tasks.common.digits import Labelled, only, with_moved
from tasks.common.pairs import CHUNK, SUM, digit_accuracy, sum_accuracy
from tasks.fewlabels.data import DIGIT, NEW, FewLabels, NewClass

HERE = Path(__file__).parent
ATTEMPTS = 5  # networks that are begun, at most


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        steps: on labels alone; shifts: copies of the labelled images, moved by a pixel.
        epochs: on relations and labels together, or on sums; batch: pairs in a step; lr: learning rate.
        labels, balance: weights of these losses beside that of the relations.
    """

    steps: int
    epochs: int
    batch: int
    lr: float
    shifts: int = 4
    labels: float = 1.0
    balance: float = 0.1


@dataclass(frozen=True, slots=True)
class FewResult:
    """One seed and share: accuracy on test digits, between 0 and 1, of labels alone and with relations.

    Attributes:
        labels: how many; seconds: of CPU, to train on relations.
    """

    share: float
    seed: int
    labels: int
    alone: float
    related: float
    seconds: float


def build(rules: str, network: nn.Module, seed: int) -> ns.Reasoner:
    """The reasoner of `ten.rules` or `nine.rules` with a network."""
    return ns.Reasoner(ns.Program.from_file(HERE / rules), networks={"net": network}, seed=seed)


def on_labels(reasoner: ns.Reasoner, labelled: Labelled, settings: Settings, seed: int) -> None:
    """So many steps on the labelled images alone."""
    images = with_moved(labelled.images, settings.shifts, torch.Generator().manual_seed(seed))
    data = batches(DIGIT, {"a": images}, labelled.digits.repeat(settings.shifts + 1), 32)
    epochs = max(1, settings.steps // len(data))
    ns.fit(reasoner, data, epochs=epochs, lr=settings.lr, seed=seed, schedule=Schedule("linear"), progress=False)


def on_relations(reasoner: ns.Reasoner, data: FewLabels, settings: Settings, seed: int, progress: bool) -> None:
    """Relations of all pairs and labels of some images together, each a loss of its own."""
    terms = [
        Term("relations", nll), Term("labels", concept_nll, settings.labels),
        Term("balance", ClassBalance(), settings.balance),
    ]  # fmt: skip
    known = [b for related in data.related for b in related.batches(settings.batch)]
    ns.fit(
        reasoner, known, epochs=settings.epochs, lr=settings.lr, loss=terms, seed=seed, schedule=Schedule("linear"),
        progress=progress, description=f"relations and {len(data.labelled.digits)} labels, seed {seed}",
    )  # fmt: skip


def few(data: FewLabels, share: float, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, FewResult]:
    """Train on labels, judge on test; go on with relations, judge again."""
    reasoner = build("ten.rules", drawn(lambda: DigitNet(data.size), seed), seed)
    on_labels(reasoner, data.labelled, settings, seed)
    alone = digit_accuracy(reasoner, data.test)
    begun = time.process_time()
    on_relations(reasoner, data, settings, seed, progress)
    seconds = time.process_time() - begun
    found = FewResult(share, seed, len(data.labelled.digits), alone, digit_accuracy(reasoner, data.test), seconds)
    return reasoner, found


# ------------------------------------------------------------------------------------------------------- a new class


@dataclass(frozen=True, slots=True)
class NewResult:
    """One seed: shares of right test digits and sums, between 0 and 1, before and after the class was added.

    Attributes:
        old_before, old_after, new: of the digits 0 to 8, and of the new one.
        sums_before, sums_after: of pairs without the new digit; sums_new: of pairs with it.
        seconds: of CPU, to train on sums; adding: milliseconds of CPU to add the class.
        failed: networks that got stuck before this one and were begun anew.
    """

    seed: int
    old_before: float
    old_after: float
    new: float
    sums_before: float
    sums_after: float
    sums_new: float
    seconds: float
    adding: float
    failed: int


def on_sums(data: NewClass, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, int]:
    """A reasoner that has learned the digits 0 to 8 from sums, and how many before it got stuck."""

    def attempt(drawing: int) -> ns.Reasoner:
        network = drawn(lambda: Prototypes(DigitNet(data.size), NEW), drawing)
        reasoner = build("nine.rules", network, drawing)
        ns.fit(
            reasoner, batches(SUM, data.train.inputs, data.train.sums, settings.batch),
            batches(SUM, data.valid.inputs, data.valid.sums, CHUNK), epochs=settings.epochs, lr=settings.lr,
            seed=drawing, progress=progress, description=f"sums of 0 to 8, seed {drawing}",
        )  # fmt: skip
        return reasoner

    return unstuck(attempt, lambda reasoner: sum_accuracy(reasoner, data.valid), ATTEMPTS, seed)[:2]


def grown(reasoner: ns.Reasoner, data: NewClass, seed: int) -> ns.Reasoner:
    """A reasoner of ten digits: the rules are the same, the network has one class more. Nothing is trained."""
    network = reasoner.networks["net"]
    assert isinstance(network, Prototypes)
    return build("ten.rules", network.with_class(data.examples, others=[data.train.left]), seed)


def new_class(data: NewClass, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, NewResult]:
    """Learn 0 to 8 from sums, add 9 from a few examples, judge before and after on test."""
    begun = time.process_time()
    reasoner, failed = on_sums(data, settings, seed, progress)
    seconds = time.process_time() - begun
    old, pairs = only(data.test, range(NEW)), data.test_sums
    without, with_new = (pairs.take(rows.nonzero()[:, 0]) for rows in (~pairs.new, pairs.new))
    before = digit_accuracy(reasoner, old), sum_accuracy(reasoner, without)
    begun = time.process_time()
    made = grown(reasoner, data, seed)
    adding = 1000 * (time.process_time() - begun)
    after = digit_accuracy(made, old), sum_accuracy(made, without)
    result = NewResult(
        seed, before[0], after[0], digit_accuracy(made, only(data.test, [NEW])), before[1], after[1],
        sum_accuracy(made, with_new), seconds, adding, failed,
    )  # fmt: skip
    return made, result
