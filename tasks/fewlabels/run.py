"""Learn digits from few labels and known relations; add a class from five examples, with the rules unchanged.

neurosym run fewlabels [--part labels|newclass] [--share 0.01 …] [--data digits|mnist|auto] [--seeds N] [--out DIR] …
python -m tasks.fewlabels.run …
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

import neurosym as ns
from tasks.common.options import add_data, add_runs, add_settings, given, main, page, positive, seeds_of, spread
from tasks.common.pairs import SUM
from tasks.common.record import write
from tasks.fewlabels.data import NEW, NewClass, load, load_new
from tasks.fewlabels.learn import FewResult, NewResult, Settings, few, new_class

PARTS = ("labels", "newclass")
SHARES = (0.01, 0.05, 0.1)
# Chosen on the digits of the validation part; README.md has the figures.
DEFAULTS = {"digits": Settings(600, 20, 16, 2e-3, labels=3.0), "mnist": Settings(1_500, 6, 32, 2e-3, labels=3.0)}
SUMS = {"digits": Settings(0, 30, 16, 2e-3), "mnist": Settings(0, 6, 32, 1e-3)}
SETTABLE = {"steps": positive, "epochs": positive, "batch": positive, "lr": float}
NOTES = {"steps": "on labels alone", "epochs": "on relations or sums"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurosym run fewlabels", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--part", choices=PARTS, action="append", help="may be repeated; default: both")
    parser.add_argument("--share", type=float, action="append", help="of images with labels; default: 0.01 0.05 0.1")
    parser.add_argument("--examples", type=positive, default=5, metavar="N", help="of the new class; default: 5")
    add_data(parser)
    add_settings(parser, DEFAULTS, SETTABLE, NOTES)
    add_runs(parser, "pairs, labels, weights and order", "the explanation of a sum with the new digit as an HTML page")
    return parser


def explain(reasoner: ns.Reasoner, data: NewClass) -> ns.Explanation:
    """Why the first test pair with the new digit has the sum that the reasoner thinks most probable."""
    row = int(data.test_sums.new.nonzero()[0, 0])
    answers = reasoner.query(SUM, inputs={slot: x[row : row + 1] for slot, x in data.test_sums.inputs.items()})
    return ns.explain(answers, answers.best_atom(), threshold=None)


def _few_table(results: Sequence[FewResult], name: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("share", "labels", "seed", "labels alone", "labels and relations", "CPU s", title=f"labels, {name}")
    for share in dict.fromkeys(r.share for r in results):
        rows = [r for r in results if r.share == share]
        for r in rows:
            seconds = f"{r.seconds:.0f}"
            table.add_row(f"{share:.0%}", str(r.labels), str(r.seed), f"{r.alone:.1%}", f"{r.related:.1%}", seconds)
        if len(rows) > 1:
            means = spread([r.alone for r in rows]), spread([r.related for r in rows])
            table.add_row(f"{share:.0%}", str(rows[0].labels), "mean", *means, "")
    Console().print(table)


NEW_COLUMNS = ("old_before", "old_after", "new", "sums_before", "sums_after", "sums_new")


def _new_table(results: Sequence[NewResult], name: str, examples: int) -> None:
    from rich.console import Console
    from rich.table import Table

    heads = ("0 to 8 before", "0 to 8 after", f"{NEW}", "sums before", "sums after", f"sums with {NEW}")
    table = Table("seed", *heads, "ms to add", "failed", title=f"{NEW} from {examples} examples, {name}")
    for r in results:
        table.add_row(str(r.seed), *(f"{getattr(r, c):.1%}" for c in NEW_COLUMNS), f"{r.adding:.0f}", str(r.failed))
    if len(results) > 1:
        table.add_row("mean", *(spread([getattr(r, c) for r in results]) for c in NEW_COLUMNS), "", "")
    Console(width=max(130, Console().width)).print(table)


def _labels(options: argparse.Namespace) -> tuple[list[FewResult], dict[str, Any]]:
    results: list[FewResult] = []
    about: dict[str, Any] = {}
    for share in options.share or SHARES:
        for seed in seeds_of(options):
            data = load(share, options.data, seed)
            settings = given(options, DEFAULTS[data.name], SETTABLE)
            results.append(few(data, share, settings, seed, not options.quiet)[1])
            about = asdict(settings) | {"data": data.name}
    _few_table(results, str(about["data"]))
    return results, about


def _new(options: argparse.Namespace) -> tuple[list[NewResult], dict[str, Any]]:
    results: list[NewResult] = []
    first: tuple[ns.Reasoner, NewClass] | None = None
    about: dict[str, Any] = {}
    for seed in seeds_of(options):
        data = load_new(options.examples, options.data, seed)
        settings = given(options, SUMS[data.name], SETTABLE)
        reasoner, result = new_class(data, settings, seed, not options.quiet)
        results.append(result)
        first = first or (reasoner, data)
        about = asdict(settings) | {"data": data.name, "examples": options.examples}
    _new_table(results, str(about["data"]), options.examples)
    assert first is not None
    why = explain(*first)
    print(why)
    page(why, options.out, "newclass")
    return results, about


def run(args: list[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    parser = _parser()
    options = parser.parse_args(args)
    if options.out is not None and "newclass" not in (options.part or PARTS):
        parser.error("--out is for the explanation of a sum with the new digit: add --part newclass")
    torch.set_num_threads(1)
    settings: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    for part in options.part or PARTS:
        results, settings[part] = _labels(options) if part == "labels" else _new(options)
        found += [{"part": part} | asdict(r) for r in results]
    if options.json is not None:
        write(options.json, ["fewlabels", *args], found, settings)
    return 0


if __name__ == "__main__":
    main(run)
