"""Learn to tell valid boards of digit images from others, without ever being told a digit.

neurosym run sudoku [--data digits|mnist|auto] [--epochs N] [--seeds N] [--out DIR] …
python -m tasks.sudoku.run …
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from pathlib import Path

import torch
from torch import Tensor

import neurosym as ns
from neurosym.learning import batches
from neurosym.neural import DigitNet
from tasks.common.begin import drawn
from tasks.common.options import add_data, add_runs, add_settings, given, main, page, positive, seeds_of, spread
from tasks.common.record import write
from tasks.sudoku.data import Boards, Sudoku, load, with_shifts

RULES = Path(__file__).with_name("sudoku.rules")
VALID, INVALID, CLASHES = "valid", "invalid", "clash(X, Y, Unit, N)"
CHUNK = 100  # boards judged at a time
MOST = 12  # clashes that one explanation tells


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        epochs: in all; the last third of them at a fifth of the learning rate `lr`: one misread image of sixteen makes
            a board wrong, so that the noise of large steps shows.
        shifts: copies of each board with its images moved by a pixel.
    """

    epochs: int
    batch: int
    lr: float
    shifts: int = 3

    @property
    def last(self) -> int:
        """How many epochs are at the lower learning rate."""
        return self.epochs // 3


DEFAULTS = {"digits": Settings(21, 8, 2e-3), "mnist": Settings(12, 16, 1e-3)}
SETTABLE = {"epochs": positive, "batch": positive, "lr": float, "shifts": int}
NOTES = {"shifts": "copies of each board with its images moved by a pixel"}


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        accuracy: of validity on test, between 0 and 1; `renamed`: share of its images whose class is their digit's
            under the best renaming of classes, which validity cannot decide.
        seconds: of training, validation included.
    """

    seed: int
    accuracy: float
    renamed: float
    seconds: float


def build(size: int, seed: int) -> ns.Reasoner:
    """The reasoner: the rules, and a network for images of size × size pixels whose weights the seed draws."""
    network = drawn(lambda: DigitNet(size, classes=4), seed)
    return ns.Reasoner(ns.Program.from_file(RULES), networks={"net": network}, seed=seed)


def train(
    reasoner: ns.Reasoner, known: Boards, valid: Boards, settings: Settings, seed: int = 0, progress: bool = False
) -> None:
    """Fit the network to the validity of boards; digits are not known here.

    It ends with the weights of that epoch, of those at the lower learning rate, that `valid` is most probable under.
    """
    more = with_shifts(known, settings.shifts, seed)
    data = batches(VALID, more.inputs, more.valid, settings.batch)
    checks = batches(VALID, valid.inputs, valid.valid, CHUNK)
    steps = ((settings.epochs - settings.last, settings.lr, None), (settings.last, settings.lr / 5, checks))
    for number, (epochs, lr, judge) in enumerate(steps):
        ns.fit(
            reasoner, data, judge, epochs=epochs, lr=lr, seed=2 * seed + number, progress=progress,
            description=f"sudoku, seed {seed}",
        )  # fmt: skip


@torch.no_grad()
def validity(reasoner: ns.Reasoner, boards: Boards) -> Tensor:
    """(n,) the probability that each board is valid."""
    parts = torch.arange(len(boards)).split(CHUNK)
    return torch.cat([reasoner.query(VALID, inputs=boards.take(rows).inputs).tags[:, 0] for rows in parts])


def accuracy(reasoner: ns.Reasoner, boards: Boards) -> float:
    """The share of boards that are rightly held valid (from ½ on) or not."""
    return float(((validity(reasoner, boards) >= 0.5) == (boards.valid[:, 0] == 1)).float().mean())


@torch.no_grad()
def renamed_accuracy(reasoner: ns.Reasoner, boards: Boards, digits: Tensor) -> float:
    """The share of images with the right digit, under the best of the 24 renamings of the network's classes."""
    cells = boards.images.flatten(0, 1).split(1000)
    said = [d for images in cells for d in reasoner.query("digit(c11, D)", inputs={"c11": images}).best()]
    found, shown = torch.tensor(said), digits.flatten()
    names = torch.tensor(list(permutations(range(1, 5))))
    return float(max((name[found - 1] == shown).float().mean() for name in names))


def measure(data: Sudoku, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, Result]:
    """Train, then judge on test, once."""
    reasoner = build(data.size, seed)
    started = time.perf_counter()
    train(reasoner, data.train, data.valid, settings, seed, progress)
    seconds = time.perf_counter() - started
    right = accuracy(reasoner, data.test)
    renamed = renamed_accuracy(reasoner, data.test, data.test_digits)
    return reasoner, Result(seed, right, renamed, seconds)


def explain(reasoner: ns.Reasoner, boards: Boards, row: int) -> ns.Explanation:
    """Why a board is held valid, or which of its cells clash, the likeliest first."""
    inputs = boards.take(torch.tensor([row])).inputs
    answers = reasoner.query(VALID, INVALID, CLASHES, inputs=inputs)
    valid, invalid, *clashes = answers.tags[0].tolist()
    likely = sum(p >= 0.5 for p in clashes)  # each is one proof; further ones would be of cells that differ
    return ns.explain(answers, VALID if valid >= invalid else INVALID, proofs=min(max(likely, 1), MOST))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurosym run sudoku", description=(__doc__ or "").split("\n")[0])
    add_data(parser)
    add_settings(parser, DEFAULTS, SETTABLE, NOTES)
    parser.add_argument("--boards", type=positive, metavar="N", help="train on the first N boards only")
    add_runs(parser, "boards, weights and order", "explanations of two boards as HTML pages")
    return parser


def _print(data: Sudoku, settings: Settings, results: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"sudoku, {data.name}: {len(data.train):,} boards to train, {len(data.test):,} to test"
    table = Table("seed", "validity", "digits, renamed", "seconds", title=title)
    rows = [(str(r.seed), f"{r.accuracy:.2%}", f"{r.renamed:.2%}", f"{r.seconds:.1f}") for r in results]
    if len(results) > 1:
        right, renamed = (spread([getattr(r, n) for r in results]) for n in ("accuracy", "renamed"))
        rows.append(("mean", right, renamed, f"{statistics.mean(r.seconds for r in results):.1f}"))
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    how = f"{settings.epochs} epochs, batch {settings.batch}, learning rate {settings.lr:g}"
    console.print(f"{how}, {settings.shifts} shifted copies\n")


def _tell(reasoner: ns.Reasoner, boards: Boards, out: Path | None) -> None:
    """Explain the test board that is surest to be valid, and the first that is held not to be."""
    probabilities = validity(reasoner, boards)
    wrong = (probabilities < 0.5).nonzero()[:, 0].tolist()
    rows = {"valid": int(probabilities.argmax())} | ({"invalid": wrong[0]} if wrong else {})
    for name, row in rows.items():
        print(f"test board {row}, valid with probability {float(probabilities[row]):.4f}:\n")
        why = explain(reasoner, boards, row)
        print(why, "\n")
        page(why, out, name)


def run(args: list[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    options = _parser().parse_args(args)
    results: list[Result] = []
    first: tuple[ns.Reasoner, Sudoku, Settings] | None = None
    for seed in seeds_of(options):
        data = load(options.data, seed)
        if options.boards is not None:
            data = replace(data, train=data.train.take(torch.arange(min(options.boards, len(data.train)))))
        settings = given(options, DEFAULTS[data.name], SETTABLE)
        reasoner, result = measure(data, settings, seed, not options.quiet)
        results.append(result)
        first = first or (reasoner, data, settings)
    assert first is not None
    reasoner, data, settings = first
    _print(data, settings, results)
    if options.json is not None:
        write(options.json, ["sudoku", *args], [asdict(r) for r in results], asdict(settings) | {"data": data.name})
    _tell(reasoner, data.test, options.out)
    return 0


if __name__ == "__main__":
    main(run)
