"""Training with and without a means against shortcuts, and what the audit says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

import neurosym as ns
from neurosym.learning import Batch, batches
from neurosym.neural import DigitNet
from tasks.common.begin import drawn, unstuck
from tasks.common.digits import Labelled, only
from tasks.common.pairs import CHUNK, SUM, sum_accuracy
from tasks.shortcut.data import VALUES, Pairs, Shortcut

BOTH, DIGIT = "both(a, b, Z)", "digit(a, D)"
# none: sums alone. labels: the digits of ten images for each value that the audit found confusable. product: the
# product of each pair beside its sum, a second task for the same concepts.
MEANS = ("none", "labels", "product")
EVERY = 4  # batches of pairs for each batch of hints


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; `attempts`: networks that are tried until one is not stuck."""

    epochs: int
    batch: int
    lr: float
    attempts: int = 12


@dataclass(frozen=True, slots=True)
class Result:
    """One training.

    Attributes:
        sums, concepts: shares of test sums, and of digits of the test pairs, that are right, between 0 and 1.
        new: share of right sums of pairs of digits that training never saw.
        shortcuts: readings of the digits other than the right one that fit all labels, as the audit counts them;
            exact: whether the count is complete.
        failed: networks that got stuck before this one; stuck: whether this one is stuck as well.
    """

    kind: str
    means: str
    seed: int
    sums: float
    concepts: float
    new: float
    shortcuts: int
    exact: bool
    failed: int
    stuck: bool


def build(kind: str, size: int, seed: int) -> ns.Reasoner:
    """The reasoner: the rules of a kind, and a network for images of size × size pixels; the seed draws its weights."""
    network = drawn(lambda: DigitNet(size, classes=VALUES[kind]), seed)
    program = ns.Program.from_file(Path(__file__).with_name(f"{kind}.rules"))
    return ns.Reasoner(program, networks={"net": network}, seed=seed)


def questions(means: str, pairs: Pairs, size: int) -> list[Batch]:
    """What is asked of pairs, with the answers that are known: sums; or sums and products, as one number."""
    if means == "product":
        return batches(BOTH, pairs.inputs, 100 * pairs.sums + pairs.products, size)
    return batches(SUM, pairs.inputs, pairs.sums, size)


def hint_batches(hints: Labelled | None) -> list[Batch]:
    """The labelled images as one batch; none without hints."""
    return [] if hints is None else batches(DIGIT, {"a": hints.images}, hints.digits, len(hints.digits))


def train(
    reasoner: ns.Reasoner, means: str, known: Pairs, hints: Labelled | None, settings: Settings, seed: int = 0,
    progress: bool = False,
) -> None:  # fmt: skip
    """Fit the network to what is known of pairs; digits are known of hints alone, which come first and then again."""
    pairs, labelled = questions(means, known, settings.batch), hint_batches(hints)
    if labelled:
        # Hints that come too late find a reading that fits the sums already, and only blur it.
        ns.fit(reasoner, labelled, epochs=40, lr=settings.lr, seed=seed, progress=False)
    ns.fit(
        reasoner, pairs + labelled * max(1, len(pairs) // EVERY), epochs=settings.epochs, lr=settings.lr, seed=seed,
        progress=progress, description=f"{means}, seed {seed}",
    )  # fmt: skip


def judged(
    reasoner: ns.Reasoner, means: str, pairs: Pairs, digits: Tensor, hints: Labelled | None = None
) -> ns.Audit:  # fmt: skip
    """The audit: how many readings of the digits fit the labels of these pairs, and of the hints; and their accuracy.

    Args:
        digits: (n, 2) what the pairs show. The network's accuracy is counted over them alone.
    """
    found = ns.audit(reasoner, questions(means, pairs, CHUNK), concepts=_shown(digits))
    if hints is None:
        return found
    # Hints are labels that a reading must fit, too; but the accuracy on images that were learned says nothing.
    both = torch.cat([digits, hints.digits[:, None].expand(-1, 2)])
    data = questions(means, pairs, CHUNK) + hint_batches(hints)
    return replace(found, shortcuts=ns.audit(reasoner, data, concepts=_shown(both)).shortcuts)


def _shown(digits: Tensor) -> dict[str, Tensor]:
    return {"digit(a, D)": digits[:, 0], "digit(b, D)": digits[:, 1]}


def confusable(found: ns.Audit) -> list[int]:
    """The digits that the labels do not identify, by the audit."""
    assert found.shortcuts is not None
    return sorted(int(value) for concept in found.shortcuts.concepts for value, _ in concept.confusable)


def trained(
    data: Shortcut, means: str, hints: Labelled | None, settings: Settings, seed: int, progress: bool = False
) -> tuple[ns.Reasoner, int, bool]:
    """A trained reasoner, how many before it got stuck, and whether it is stuck as well."""

    def attempt(drawing: int) -> ns.Reasoner:
        reasoner = build(data.kind, data.size, drawing)
        train(reasoner, means, data.train, hints, settings, seed, progress)
        return reasoner

    return unstuck(attempt, lambda reasoner: sum_accuracy(reasoner, data.valid), settings.attempts, seed)


def measure(
    data: Shortcut, means: str, settings: Settings, seed: int, progress: bool = False
) -> tuple[ns.Reasoner, ns.Audit, Result]:
    """Train, then judge on test, once."""
    hints = None
    if means == "labels":
        before = judged(build(data.kind, data.size, seed), "none", data.valid, data.valid_digits)
        hints = only(data.hints, confusable(before))
    reasoner, failed, stuck = trained(data, means, hints, settings, seed, progress)
    found = judged(reasoner, means, data.test, data.test_digits, hints)
    assert found.shortcuts is not None
    (concept,) = found.concepts
    result = Result(
        data.kind, means, seed, sum_accuracy(reasoner, data.test), concept.accuracy, sum_accuracy(reasoner, data.new),
        found.shortcuts.readings - 1, found.shortcuts.exact, failed, stuck,
    )  # fmt: skip
    return reasoner, found, result
