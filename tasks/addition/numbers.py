"""Numbers of N digits, of which only the sum is known: data, training and judging.

Training sees `Numbers`, which hold images and the digits of sums. The labels of images leave `numbers_of` in one way
only: as sums; the digits by which a network is judged come from `Addition.test_digits`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.lang import Symbol
from neurosym.learning import Batch, Schedule, batches
from neurosym.neural import DigitNet, KnownValue
from tasks.common.begin import drawn
from tasks.common.digits import Labelled, parts, with_moved
from tasks.common.pairs import digit_accuracy

RULES = Path(__file__).with_name("numbers.rules")
RIGHT, RESULT = "right", "result(I, R)"
CHUNK = 6_000  # images judged at a time


@dataclass(frozen=True, eq=False)
class Numbers:
    """What is known of n samples of two numbers of N digits.

    Attributes:
        left, right: (n, N, 1, S, S) images, units first.
        sums: (n, N + 1) digits of the sum, units first.
    """

    left: Tensor
    right: Tensor
    sums: Tensor

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def length(self) -> int:
        """N."""
        return self.left.shape[1]

    @property
    def images(self) -> dict[str, Tensor]:
        """Slot → (n, 1, S, S): the digits of both numbers."""
        sides = {"a": self.left, "b": self.right}
        return {f"{side}{i + 1}": x[:, i] for side, x in sides.items() for i in range(self.length)}

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The images, and slot → (n, 1) the digits of the sum."""
        return self.images | {f"s{i + 1}": self.sums[:, i : i + 1].float() for i in range(self.length + 1)}

    def take(self, rows: Tensor) -> Numbers:
        """Some of the samples."""
        return Numbers(self.left[rows], self.right[rows], self.sums[rows])


def numbers_of(data: Labelled, length: int) -> Numbers:
    """Samples of 2N images each, no image twice; images that are left over are left out. Sums have any size."""
    count = len(data.digits) // (2 * length)
    shape = data.images.shape[1:]
    images = data.images[: count * 2 * length].reshape(count, 2, length, *shape)
    digits = data.digits[: count * 2 * length].reshape(count, 2, length)
    sums, carry = [], torch.zeros(count, dtype=torch.long)
    for i in range(length):
        total = digits[:, 0, i] + digits[:, 1, i] + carry
        sums.append(total % 10)
        carry = total // 10
    return Numbers(images[:, 0], images[:, 1], torch.stack([*sums, carry], 1))


def with_shifts(samples: Numbers, copies: int, seed: int = 0) -> Numbers:
    """The samples, and copies of them whose images are each moved by at most a pixel, so that the sums stay true."""
    random = torch.Generator().manual_seed(seed)
    left, right = (with_moved(x, copies, random) for x in (samples.left, samples.right))
    return Numbers(left, right, samples.sums.repeat(copies + 1, 1))


def facts_of(length: int) -> ns.FactBase:
    """Which slots hold the digits of each column."""
    columns = [
        ("column", (i, Symbol(f"a{i}"), Symbol(f"b{i}"), Symbol(f"s{i}"))) for i in range(1, length + 1)
    ]  # fmt: skip
    return ns.FactBase.from_facts([*columns, ("last", (length, Symbol(f"s{length + 1}")))])


def build(size: int, length: int, seed: int, network: nn.Module | None = None) -> ns.Reasoner:
    """The reasoner: the rules over N columns, and a network for images of size × size pixels.

    Args:
        network: one that was trained already, on numbers of another length for instance; a new one by default.
    """
    if network is None:
        network = drawn(lambda: DigitNet(size), seed)
    networks = {"net": network, "given": KnownValue(10)}
    return ns.Reasoner(ns.Program.from_file(RULES), facts_of(length), networks=networks, seed=seed)


def cut(samples: Numbers, size: int) -> list[Batch]:
    """Batches of the question whether the digits add up to the sum, which they do."""
    return batches(RIGHT, samples.inputs, torch.ones(len(samples), 1), size)


@torch.no_grad()
def results(reasoner: ns.Reasoner, samples: Numbers) -> Tensor:
    """(n, N + 1) the most probable digit at each place of the sum, units first; the sum itself is not looked at."""
    found = []
    for rows in torch.arange(len(samples)).split(max(1, CHUNK // (2 * samples.length))):
        answers = reasoner.query(RESULT, inputs=samples.take(rows).images)
        at = torch.tensor(answers.args)
        tags = answers.tags.new_zeros(len(rows), samples.length + 1, 10)
        tags[:, at[:, 0] - 1, at[:, 1]] = answers.tags
        found.append(tags.argmax(2))
    return torch.cat(found)


def sum_accuracy(reasoner: ns.Reasoner, samples: Numbers) -> float:
    """The share of samples of which every digit of the sum is right."""
    return float((results(reasoner, samples) == samples.sums).all(1).float().mean())


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """How to train.

    Attributes:
        images: seen in a step, so a batch has fewer samples the longer their numbers are.
        lr: at its highest; it rises over the first tenth of the training, and falls to 0 by a cosine.
        weight_decay: of AdamW; shifts: copies of each sample with its images moved by a pixel.
    """

    epochs: int = 6
    images: int = 240
    lr: float = 4e-3
    weight_decay: float = 1e-2
    shifts: int = 3

    def batch(self, length: int) -> int:
        """Samples in a step."""
        return max(2, self.images // (2 * length))


# chosen on images held out of training; README.md has the figures
DEFAULTS = {"digits": NumberSettings(epochs=20, images=32, lr=2e-3), "mnist": NumberSettings()}


@dataclass(frozen=True, slots=True)
class NumberResult:
    """One run.

    Attributes:
        length: N; samples: of training; sum_accuracy, digit_accuracy: between 0 and 1, on test or on what was held
            out.
        seconds: of CPU, to train; steps: how many of them that took.
    """

    seed: int
    length: int
    samples: int
    sum_accuracy: float
    digit_accuracy: float
    seconds: float
    steps: int


def optimizer_of(reasoner: ns.Reasoner, settings: NumberSettings) -> torch.optim.Optimizer:
    """AdamW over everything that is learnable."""
    return torch.optim.AdamW(reasoner.parameters(), settings.lr, weight_decay=settings.weight_decay)


def train(
    reasoner: ns.Reasoner, samples: Numbers, settings: NumberSettings, seed: int = 0, progress: bool = False,
    optimizer: torch.optim.Optimizer | None = None,
) -> int:  # fmt: skip
    """Fit the network to sums of numbers; digits are not known here. Gives the number of steps.

    Args:
        optimizer: that of `optimizer_of` by default.
    """
    more = with_shifts(samples, settings.shifts, seed)
    fitted = ns.fit(
        reasoner, cut(more, settings.batch(samples.length)), epochs=settings.epochs,
        optimizer=optimizer or optimizer_of(reasoner, settings),
        schedule=Schedule("cosine", warmup=0.1), seed=seed, progress=progress,
        description=f"numbers of {samples.length} digits, seed {seed}",
    )  # fmt: skip
    return sum(epoch.batches for epoch in fitted.epochs)


def measure(
    source: str, length: int, settings: NumberSettings, seed: int, progress: bool, held_out: int = 0,
    network: nn.Module | None = None,
) -> tuple[ns.Reasoner, Numbers, NumberResult]:  # fmt: skip
    """Train on sums of numbers of N digits, then judge; the reasoner and the samples that judged it too.

    Args:
        held_out: images that training leaves out, and that judge it instead of the test: to choose settings by.
        network: to go on with, such as one that was trained on shorter numbers; a new one by default.
    """
    data = parts(source, seed, valid=held_out)
    known, judging = numbers_of(data.train, length), data.valid if held_out else data.test
    judged = numbers_of(judging, length)
    reasoner = build(data.size, length, seed, network)
    begun = time.process_time()
    steps = train(reasoner, known, settings, seed, progress)
    seconds = time.process_time() - begun
    sums, digits = sum_accuracy(reasoner, judged), digit_accuracy(reasoner, judging)
    return reasoner, judged, NumberResult(seed, length, len(known), sums, digits, seconds, steps)


def explain(
    reasoner: ns.Reasoner, samples: Numbers, row: int = 0, places: Sequence[int] = (1,)
) -> list[ns.Explanation]:
    """Why the sum of a sample has the digits that it has at some places, by the reasoner."""
    inputs = samples.take(torch.tensor([row])).images
    found = results(reasoner, samples.take(torch.tensor([row])))[0].tolist()
    answers = reasoner.query(*(f"result({i}, {found[i - 1]})" for i in places), inputs=inputs)
    # the best of ten digits each, so that no threshold decides
    return [ns.explain(answers, atom, threshold=None) for atom in answers.atoms]
