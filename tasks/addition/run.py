"""Learn what digits look like from the sums of pairs alone.

neurosym run addition [--data digits|mnist|auto] [--epochs N] [--seeds N] [--out DIR] …
neurosym run addition --length 15 [--save DIR] …             # numbers of so many digits, by numbers.rules
neurosym run addition --length 100 --from DIR …              # longer ones, with the network that was saved
python -m tasks.addition.run …
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Schedule, batches
from neurosym.neural import DigitNet
from tasks.addition import numbers
from tasks.addition.data import Addition, load, with_shifts
from tasks.common.begin import drawn
from tasks.common.digits import named
from tasks.common.options import add_data, add_runs, add_settings, given, main, page, positive, seeds_of, spread
from tasks.common.pairs import CHUNK, SUM, Pairs, digit_accuracy, sum_accuracy
from tasks.common.record import write

RULES = Path(__file__).with_name("addition.rules")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        lr: at its highest; it rises over the first tenth of the training, and falls to 0 by a cosine.
        weight_decay: of AdamW; shifts: copies of each pair with its images moved by a pixel.
    """

    epochs: int
    batch: int
    lr: float
    weight_decay: float = 1e-2
    shifts: int = 0


# Chosen on images held out of training; README.md has the figures.
DEFAULTS = {"digits": Settings(20, 16, 2e-3, shifts=3), "mnist": Settings(4, 128, 4e-3, shifts=3)}
SETTABLE = {"epochs": positive, "batch": positive, "lr": float, "weight_decay": float, "shifts": int}
NUMBER_SETTABLE = {"epochs": positive, "images": positive, "lr": float, "weight_decay": float, "shifts": int}
NOTES = {
    "batch": "pairs in a step, without --length",
    "shifts": "copies of each sample with its images moved by a pixel",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        sum_accuracy, digit_accuracy: on test, between 0 and 1.
        seconds: of CPU, to train, validation included; `epochs`: how many; `best_epoch`: from 1.
    """

    seed: int
    sum_accuracy: float
    digit_accuracy: float
    seconds: float
    epochs: int
    best_epoch: int


def build(size: int, seed: int, rules: Path = RULES) -> ns.Reasoner:
    """The reasoner: the rules, and a network for images of size × size pixels whose weights the seed draws."""
    network = drawn(lambda: DigitNet(size), seed)
    return ns.Reasoner(ns.Program.from_file(rules), networks={"net": network}, seed=seed)


def optimizer_of(reasoner: ns.Reasoner, settings: Settings) -> torch.optim.Optimizer:
    """AdamW over everything that is learnable."""
    return torch.optim.AdamW(reasoner.parameters(), settings.lr, weight_decay=settings.weight_decay)


def train(
    reasoner: ns.Reasoner, known: Pairs, valid: Pairs, settings: Settings, seed: int = 0, progress: bool = False,
    optimizer: torch.optim.Optimizer | None = None,
) -> ns.FitResult:  # fmt: skip
    """Fit the network to sums; digits are not known here.

    Args:
        optimizer: that of `optimizer_of` by default.
    """
    more = with_shifts(known, settings.shifts, seed)
    return ns.fit(
        reasoner,
        batches(SUM, more.inputs, more.sums, settings.batch),
        batches(SUM, valid.inputs, valid.sums, CHUNK),
        epochs=settings.epochs, optimizer=optimizer or optimizer_of(reasoner, settings),
        schedule=Schedule("cosine", warmup=0.1), seed=seed, progress=progress, description=f"addition, seed {seed}",
    )  # fmt: skip


def measure(data: Addition, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, Result]:
    """Train, then judge on test, once."""
    reasoner = build(data.size, seed)
    begun = time.process_time()
    fitted = train(reasoner, data.train, data.valid, settings, seed, progress)
    seconds = time.process_time() - begun
    sums, digits = sum_accuracy(reasoner, data.test), digit_accuracy(reasoner, data.test_digits)
    return reasoner, Result(seed, sums, digits, seconds, len(fitted.epochs), fitted.best_epoch + 1)


def explain(reasoner: ns.Reasoner, pairs: Pairs, pair: int = 0) -> ns.Explanation:
    """Why a pair has the sum that the reasoner thinks most probable: the best of many, so that no threshold decides."""
    inputs = {slot: images[pair : pair + 1] for slot, images in pairs.inputs.items()}
    answers = reasoner.query(SUM, inputs=inputs)
    return ns.explain(answers, answers.best_atom(), threshold=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurosym run addition", description=(__doc__ or "").split("\n")[0])
    add_data(parser, "digits")
    add_settings(parser, DEFAULTS, SETTABLE, NOTES)
    shown = "; ".join(f"{data}: {s.epochs} epochs, learning rate {s.lr:g}" for data, s in numbers.DEFAULTS.items())
    number = parser.add_argument_group("numbers of N digits", f"defaults with --length: {shown}")
    number.add_argument(
        "--length", type=positive, metavar="N", help="digits of each number: the program with a carry, for any N"
    )
    images = ", ".join(f"{s.images} for {data}" for data, s in numbers.DEFAULTS.items())
    number.add_argument("--images", type=positive, help=f"in a step; default: {images}")
    number.add_argument(
        "--held-out", type=int, default=0, metavar="N",
        help="keep N images from training and judge by them instead of the test, to choose settings",
    )  # fmt: skip
    number.add_argument("--from", dest="begin", type=Path, metavar="DIR", help="go on with the network of --save DIR")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keep the model of the first seed")
    add_runs(parser, "data split, weights and order", "the explanation as an HTML page")
    return parser


def _print(data: Addition, settings: Settings, results: Sequence[Result], parameters: int) -> None:
    title = f"addition, {data.name}: {len(data.train):,} pairs to train, {len(data.test):,} to test"
    table = Table("seed", "sum accuracy", "digit accuracy", "CPU seconds", "s / epoch", "best epoch", title=title)
    rows = [
        (str(r.seed), f"{r.sum_accuracy:.2%}", f"{r.digit_accuracy:.2%}", f"{r.seconds:.1f}",
         f"{r.seconds / r.epochs:.2f}", f"{r.best_epoch} of {r.epochs}")
        for r in results
    ]  # fmt: skip
    if len(results) > 1:
        sums, digits = ([getattr(r, n) for r in results] for n in ("sum_accuracy", "digit_accuracy"))
        seconds = statistics.mean(r.seconds for r in results)
        each = statistics.mean(r.seconds / r.epochs for r in results)
        rows.append(("mean", spread(sums), spread(digits), f"{seconds:.1f}", f"{each:.2f}", ""))
    for row in rows:
        table.add_row(*row)
    how = f"batch {settings.batch}, learning rate {settings.lr:g}, {settings.shifts} shifted copies"
    console = Console()
    console.print(table)
    console.print(f"{parameters:,} parameters, {how}\n")


def _network(folder: Path | None) -> nn.Module | None:
    """The network of a model that `--save` wrote.

    Raises:
        DataError: the model has no network for digits; ModelError: the folder holds no model.
    """
    if folder is None:
        return None
    networks = ns.Reasoner.load(folder).networks
    if "net" not in networks:
        raise DataError(f"the model {folder} has no network `net`", help="take one that `run addition --save` wrote")
    return networks["net"]


def _run_numbers(options: argparse.Namespace, args: Sequence[str]) -> int:
    """The same for numbers of N digits."""
    settings = given(options, numbers.DEFAULTS[named(options.data)], NUMBER_SETTABLE)
    columns = ("seed", "sum accuracy", "digit accuracy", "CPU seconds", "ms / step")
    judging = f"judged by {options.held_out:,} images that were held out" if options.held_out else "on test"
    table = Table(*columns, title=f"numbers of {options.length} digits, {judging}")
    found = []
    for seed in seeds_of(options):
        found.append(
            numbers.measure(
                options.data, options.length, settings, seed, not options.quiet, options.held_out,
                _network(options.begin),
            )
        )  # fmt: skip
        r = found[-1][2]
        pace = f"{1000 * r.seconds / r.steps:.0f}"
        table.add_row(str(seed), f"{r.sum_accuracy:.2%}", f"{r.digit_accuracy:.2%}", f"{r.seconds:.0f}", pace)
    if len(found) > 1:
        shares = [[getattr(r, name) for *_, r in found] for name in ("sum_accuracy", "digit_accuracy")]
        table.add_row("mean", *map(spread, shares), "", "")
    console = Console()
    console.print(table)
    reasoner, samples, result = found[0]
    console.print(f"{result.samples:,} samples to train, {len(samples):,} to judge\n")
    if options.save is not None:
        reasoner.save(options.save, background=numbers.facts_of(options.length))
    _tell(numbers.explain(reasoner, samples)[0], options.out, console)
    if options.json is not None:
        write(options.json, ["addition", *args], [asdict(r) for *_, r in found], asdict(settings))
    return 0


def _tell(why: ns.Explanation, out: Path | None, console: Console) -> None:
    """The explanation as text, and as a page where one is asked for."""
    console.print(str(why))
    page(why, out)


def run(args: list[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    parser = _parser()
    options = parser.parse_args(args)
    if options.length is None and (options.images or options.held_out or options.begin):
        parser.error("--images, --held-out and --from are for numbers of N digits: give --length N")
    if options.length is not None and options.batch:
        parser.error("--batch is for single digits; with --length give --images")
    if options.length is not None:
        return _run_numbers(options, args)
    results: list[Result] = []
    first: tuple[ns.Reasoner, Addition] | None = None
    for seed in seeds_of(options):
        data = load(options.data, seed)
        settings = given(options, DEFAULTS[data.name], SETTABLE)
        reasoner, result = measure(data, settings, seed, not options.quiet)
        results.append(result)
        first = first or (reasoner, data)
    assert first is not None
    reasoner, data = first
    _print(data, settings, results, sum(p.numel() for p in reasoner.parameters()))
    if options.save is not None:
        reasoner.save(options.save)
    _tell(explain(reasoner, data.test), options.out, Console())
    if options.json is not None:
        about = asdict(settings) | {"data": data.name}
        write(options.json, ["addition", *args], [asdict(r) for r in results], about)
    return 0


if __name__ == "__main__":
    main(run)
