"""Prediction and explanation of one sample, the model loaded: CPU milliseconds of the perception tasks.

    python -m benchmarks.explain.samples [--data digits|mnist|auto] [--samples 30] [TASK …]

Each task is trained for a moment, on some of its data: what is measured is the time, not the accuracy. Three
explanations come before those that are measured, because circuits are made for the first of a claim and kept.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from rich.console import Console
from rich.table import Table

import neurosym as ns
from tasks.addition import numbers
from tasks.addition import run as addition
from tasks.addition.data import Pairs
from tasks.addition.data import load as load_pairs
from tasks.common.digits import SOURCES, parts
from tasks.hwf import run as hwf
from tasks.hwf.data import load as load_formulas
from tasks.shortcut import means
from tasks.shortcut.data import load as load_shortcut
from tasks.sudoku import run as sudoku
from tasks.sudoku.data import load as load_boards

Why = Callable[[int], ns.Explanation]
WARM = 3  # explanations that come first


def of_addition(data: str) -> Iterator[tuple[str, Why]]:
    """Pairs, and numbers of four and of fifteen digits by the same network."""
    d = load_pairs(data, 0)
    reasoner = addition.build(d.size, 0)
    few = Pairs(d.train.left[:6_000], d.train.right[:6_000], d.train.sums[:6_000])
    addition.train(reasoner, few, d.valid, addition.Settings(3, 32, 2e-3))
    yield "addition", lambda k: addition.explain(reasoner, d.test, k)
    images = parts(data, 0).test
    for length in (4, 15):
        longer = numbers.build(d.size, length, 0, reasoner.networks["net"])
        samples = numbers.numbers_of(images, length)
        yield (
            f"numbers of {length}",
            lambda k, r=longer, s=samples: numbers.explain(r, s, k % len(s))[0],
        )


def of_hwf(data: str) -> Iterator[tuple[str, Why]]:
    """Formulas of each length."""
    d = load_formulas(data, 0, 600)
    reasoner = hwf.build(d.size, 0)
    hwf.train(reasoner, d, hwf.Settings(short=3, epochs=1), 0, False)
    for part in d.test:
        yield f"hwf, {2 * part.length - 1} symbols", lambda k, p=part: hwf.explain(reasoner, p, k)
    longest = d.test[-1]
    yield "hwf, 7, rules too", lambda k: hwf.explain(reasoner, longest, k, "leave-one-out")


def of_shortcut(data: str) -> Iterator[tuple[str, Why]]:
    """Pairs of even and of odd digits."""
    d = load_shortcut("evenodd", data, 0, 2_000)
    reasoner = means.build(d.kind, d.size, 0)
    means.train(reasoner, "product", d.train, None, means.Settings(2, 16, 1e-3))

    def why(k: int) -> ns.Explanation:
        answers = reasoner.query(means.SUM, inputs={slot: x[k : k + 1] for slot, x in d.test.inputs.items()})
        return ns.explain(answers, answers.atoms[int(answers.tags[0].argmax())], threshold=None)

    yield "shortcut", why


def of_sudoku(data: str) -> Iterator[tuple[str, Why]]:
    """Boards that are held valid, and boards that are not."""
    d = load_boards(data, 0)
    reasoner = sudoku.build(d.size, 0)
    sudoku.train(reasoner, d.train.take(torch.arange(min(len(d.train), 600))), d.valid, sudoku.Settings(8, 16, 1e-3, 1))
    held = sudoku.validity(reasoner, d.test) >= 0.5
    for name, which in (("valid", held), ("invalid", ~held)):
        rows = which.nonzero()[:, 0].tolist()
        if rows:
            yield f"sudoku, {name}", lambda k, rows=rows: sudoku.explain(reasoner, d.test, rows[k % len(rows)])


TASKS = {"addition": of_addition, "hwf": of_hwf, "shortcut": of_shortcut, "sudoku": of_sudoku}


def milliseconds(why: Why, samples: int) -> list[float]:
    """CPU milliseconds of each explanation, its prediction included."""
    found = []
    for k in range(WARM + samples):
        begun = time.process_time()
        why(k)
        found.append(1000 * (time.process_time() - begun))
    return found


def main(args: Sequence[str] | None = None) -> int:
    """Measure and print; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explain.samples", description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; default: all")
    parser.add_argument("--data", choices=SOURCES, default="auto")
    parser.add_argument("--samples", type=int, default=30)
    options = parser.parse_args(args)
    if odd := sorted(set(options.tasks) - set(TASKS)):
        parser.error(f"there is no task {odd[0]}")
    torch.set_num_threads(1)
    table = Table("task", "first", "median", "most", title="CPU ms of a prediction with its explanation")
    for task in options.tasks or TASKS:
        for name, why in TASKS[task](options.data):
            first, *found = milliseconds(why, options.samples)
            found = found[WARM - 1 :]
            table.add_row(name, f"{first:.0f}", f"{statistics.median(found):.1f}", f"{max(found):.0f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
