"""Learn what symbols look like from the values of formulas alone.

neurosym run hwf [--data digits|mnist|auto] [--epochs N] [--seeds N] [--out DIR] …
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
from neurosym.lang import Symbol
from neurosym.learning import Batch, batches
from neurosym.neural import DigitNet
from tasks.common.begin import drawn
from tasks.common.digits import Labelled
from tasks.common.options import add_data, add_runs, page, seeds_of, spread
from tasks.common.record import write
from tasks.hwf.data import MOST_NUMBERS, Formulas, Hwf, load

RULES = Path(__file__).with_name("hwf.rules")
CHUNK = 50  # formulas judged at a time


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; short: epochs on formulas of one and three symbols, before those on all."""

    short: int = 2
    epochs: int = 6
    batch: int = 16
    lr: float = 1e-3
    train: int = 2_000


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        accuracy: number of symbols → share of test formulas whose most probable value is right; milliseconds: for one.
        symbols: share of digits, and of operators, that are right.
        seconds: of CPU, to train.
    """

    seed: int
    accuracy: dict[int, float]
    milliseconds: dict[int, float]
    symbols: tuple[float, float]
    seconds: float

    @property
    def mean(self) -> float:
        """Over all lengths alike."""
        return statistics.fmean(self.accuracy.values())


def facts() -> ns.FactBase:
    """Which slots hold the numbers and signs of the longest formula; shorter ones need fewer of them."""
    places = range(1, MOST_NUMBERS + 1)
    slots = [("number", (k, Symbol(f"n{k}"))) for k in places] + [("sign", (k, Symbol(f"o{k}"))) for k in places[:-1]]
    # as facts, so that a question about a formula asks nothing of the places that it has not
    order = [("before", (i, k)) for i in places for k in places if i < k] + [
        ("follows", (k, k + 1)) for k in places[:-1]
    ]
    return ns.FactBase.from_facts([*slots, *order])


def build(size: int, seed: int) -> ns.Reasoner:
    """The reasoner, with a network for digits and one for operators; the place of an image says which it is."""
    networks = drawn(lambda: {"digits": DigitNet(size, 9), "operators": DigitNet(size, 4)}, seed)
    return ns.Reasoner(ns.Program.from_file(RULES), facts(), networks=networks, seed=seed)


def query(formulas: Formulas) -> str:
    """What is asked of formulas of one length."""
    return f"value({formulas.length}, V)"


def cut(parts: Sequence[Formulas], size: int) -> list[Batch]:
    """Batches, each of formulas of one length."""
    return [b for part in parts for b in batches(query(part), part.inputs, part.values, size)]


def train(reasoner: ns.Reasoner, data: Hwf, settings: Settings, seed: int, progress: bool) -> float:
    """Short formulas first, then all; CPU seconds."""
    begun = time.process_time()
    for epochs, parts in ((settings.short, 2), (settings.epochs, MOST_NUMBERS)):
        ns.fit(
            reasoner, cut(data.train[:parts], settings.batch), cut(data.valid[:parts], CHUNK), epochs=epochs,
            lr=settings.lr, seed=seed, progress=progress, description=f"formulas of up to {2 * parts - 1} symbols",
        )  # fmt: skip
    return time.process_time() - begun


@torch.no_grad()
def values(reasoner: ns.Reasoner, formulas: Formulas) -> list[int]:
    """The most probable value of each formula, in millionths."""
    found: list[int] = []
    for rows in torch.arange(len(formulas)).split(CHUNK):
        answers = reasoner.query(query(formulas), inputs={n: x[rows] for n, x in formulas.inputs.items()})
        found += [v for v in answers.best() if isinstance(v, int)]
    return found


@torch.no_grad()
def symbol_accuracy(network: nn.Module, judged: Labelled) -> float:
    """The share of images that a network names rightly."""
    return float((network(judged.images).argmax(1) == judged.digits).float().mean())


def measure(data: Hwf, settings: Settings, seed: int, progress: bool) -> tuple[ns.Reasoner, Result]:
    """Train, then judge on test, once."""
    reasoner = build(data.size, seed)
    seconds = train(reasoner, data, settings, seed, progress)
    accuracy, milliseconds = {}, {}
    for part in data.test:
        begun = time.process_time()
        found = values(reasoner, part)
        length = 2 * part.length - 1
        milliseconds[length] = 1000 * (time.process_time() - begun) / len(part)
        accuracy[length] = statistics.fmean(a == b for a, b in zip(found, part.values, strict=True))
    nets = (reasoner.networks["digits"], reasoner.networks["operators"])
    symbols = tuple(symbol_accuracy(n, judged) for n, judged in zip(nets, data.test_symbols, strict=True))
    return reasoner, Result(seed, accuracy, milliseconds, (symbols[0], symbols[1]), seconds)


def explain(
    reasoner: ns.Reasoner, formulas: Formulas, row: int = 0, contributions: str = "gradient"
) -> ns.Explanation:  # fmt: skip
    """Why a formula has the value that the reasoner thinks most probable.

    The value is chosen as the best of many, so that no threshold decides and the explanation has no `why_not`.

    Args:
        contributions: as of `ns.explain`. `gradient` tells what each symbol adds; `leave-one-out` the same of rules
            and recorded facts, which for a long formula takes longer than all the rest: each value has a circuit of
            its own.
    """
    inputs = {n: x[row : row + 1] for n, x in formulas.inputs.items()}
    answers = reasoner.query(query(formulas), inputs=inputs)
    return ns.explain(answers, answers.best_atom(), threshold=None, contributions=contributions)


def _table(data: Hwf, results: Sequence[Result]) -> Table:
    lengths = list(results[0].accuracy)
    title = f"formulas, {data.name}: {sum(map(len, data.train)):,} to train, {sum(map(len, data.test)):,} to test"
    table = Table(
        "seed", *(f"{n} symbols" for n in lengths), "all lengths", "digits", "operators", "CPU s", title=title
    )
    for r in results:
        shown = [f"{r.accuracy[n]:.1%}, {r.milliseconds[n]:.1f} ms" for n in lengths]
        table.add_row(str(r.seed), *shown, f"{r.mean:.1%}", *(f"{s:.2%}" for s in r.symbols), f"{r.seconds:.0f}")
    if len(results) > 1:
        shown = [f"{statistics.fmean(r.accuracy[n] for r in results):.1%}" for n in lengths]
        table.add_row("mean", *shown, spread([r.mean for r in results]), "", "", "")
    return table


def run(args: Sequence[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    parser = argparse.ArgumentParser(prog="neurosym run hwf", description=(__doc__ or "").split("\n")[0])
    add_data(parser)
    for name, default in asdict(Settings()).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    add_runs(parser, "data, weights and order", "the explanation of a formula as an HTML page")
    options = parser.parse_args(list(args))
    settings = Settings(**{name: getattr(options, name) for name in asdict(Settings())})
    torch.set_num_threads(1)
    results: list[Result] = []
    reasoner, data = None, None
    for seed in seeds_of(options):
        data = load(options.data, seed, settings.train)
        reasoner, result = measure(data, settings, seed, not options.quiet)
        results.append(result)
    assert reasoner is not None and data is not None
    console = Console(width=max(140, Console().width))
    console.print(_table(data, results))
    why = explain(reasoner, data.test[1])
    console.print(str(why))
    page(why, options.out)
    if options.json is not None:
        about = asdict(settings) | {"data": data.name}
        write(options.json, ["hwf", *args], [asdict(r) for r in results], about)
    return 0
