"""Kinship in stories: relations are told or read from the text, and put together by rules that are given or learned.

neurosym run clutrr [--mode given|learned|text] [--seeds N] [--out DIR] [--json FILE] …
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

import neurosym as ns
from neurosym.learning import repeat
from neurosym.learning.runs import Run, Runs
from tasks.clutrr import model
from tasks.clutrr.data import Clutrr, Story, ceiling, load
from tasks.clutrr.model import Settings
from tasks.clutrr.tables import learned_table, table_text
from tasks.common.options import add_runs, add_settings, given, positive, seeds_of
from tasks.common.record import write

MODES = {
    "given": "relations and composition given",
    "learned": "relations given, composition learned from labels",
    "text": "relations read from the text, composition given",
}
DEFAULTS = {"learned": Settings(20, 2, 64, 0.3), "text": Settings(4, 5, 64, 3e-3)}
SETTABLE = {"short": int, "epochs": int, "batch": int, "lr": float}
NOTES = {"short": "epochs on stories of two steps, before those on all"}
LONG = 4  # steps of the story that is explained


def train(
    mode: str, data: Clutrr, settings: Settings | None, table: Path, seed: int, progress: bool
) -> tuple[ns.Reasoner, str | None]:
    """The reasoner of a mode, trained on what the mode trains on; and the table that was learned, as rules.

    Args:
        table: rule file with the composition; the mode `learned` does not look at it.
    """
    if settings is None:
        return model.with_table(table), None
    if mode == "text":
        reasoner = model.with_reader(data.train, table, seed)
        model.learn_to_read(reasoner, data.train, data.valid, settings, seed, progress)
        return reasoner, None
    learner = model.with_open_table(seed)
    model.learn_table(learner, data.train, settings, seed, progress)
    about = f"Learned from the labels of {len(data.train):,} stories of two and three steps, seed {seed}."
    text = table_text(learned_table(learner), about)
    return model.with_table_text(text), text  # judged by what is written, not by the weights


def judge(reasoner: ns.Reasoner, tests: Mapping[int, Sequence[Story]], read: bool) -> dict[str, float]:
    """Figures of the test parts, by name and K."""
    figures: dict[str, float] = {}
    for length, stories in tests.items():
        begun = time.process_time()
        figures[f"accuracy_{length}"] = model.accuracy(reasoner, stories, read)
        figures[f"milliseconds_{length}"] = 1000 * (time.process_time() - begun) / len(stories)
        if read:
            figures[f"read_{length}"] = model.read_rightly(model.reader_of(reasoner), stories)
    return figures


def shown(data: Clutrr, runs: Runs, read: bool) -> Table:
    """For each K: the ceiling, mean and deviation of the accuracy, and how far it stays below."""
    table = Table("steps", "stories", "ceiling", "accuracy", "of the ceiling", "points below", "ms a story", title=None)
    if read:
        table.add_column("steps read rightly")
    for length, stories in data.test.items():
        best, mean = ceiling(stories), runs.mean(f"accuracy_{length}")
        accuracy = f"{100 * mean:.1f} ± {100 * runs.std(f'accuracy_{length}'):.1f} %"
        row = [str(length), str(len(stories)), f"{best:.1%}", accuracy, f"{mean / best:.1%}"]
        row += [f"{100 * (best - mean):.1f}", f"{runs.mean(f'milliseconds_{length}'):.2f}"]
        if read:
            row.append(f"{runs.mean(f'read_{length}'):.1%}")
        table.add_row(*row)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurosym run clutrr", description=(__doc__ or "").split("\n")[0])
    about = "; ".join(f"{name}: {what}" for name, what in MODES.items())
    parser.add_argument("--mode", choices=list(MODES), default="given", help=f"{about}; default: given")
    parser.add_argument(
        "--table", type=Path, default=model.KINSHIP, metavar="FILE",
        help="rules of composition for the modes `given` and `text`, such as a learned.rules; default: kinship.rules",
    )  # fmt: skip
    add_settings(parser, DEFAULTS, SETTABLE, NOTES)
    parser.add_argument("--stories", type=positive, metavar="N", help="train on the first N stories only")
    add_runs(parser, "weights, order and validation part", "learned.rules and the explanation of a story")
    return parser


def run(args: Sequence[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    options = _parser().parse_args(list(args))
    torch.set_num_threads(1)
    settings = given(options, DEFAULTS[options.mode], SETTABLE) if options.mode in DEFAULTS else None
    read = options.mode == "text"
    kept: list[tuple[ns.Reasoner, Clutrr]] = []

    def measured(seed: int) -> dict[str, float]:
        data = load(seed)
        data = replace(data, train=data.train[: options.stories])
        begun = time.process_time()
        reasoner, table = train(options.mode, data, settings, options.table, seed, not options.quiet)
        seconds = time.process_time() - begun
        kept[:] = kept or [(reasoner, data)]
        if table is not None and options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"learned-{seed}.rules").write_text(table, "utf-8")
        return {"train_cpu_seconds": seconds, **judge(reasoner, data.test, read)}

    command = ["clutrr", *args]
    console = Console(width=max(120, Console().width))
    console.print(f"CLUTRR, {options.mode}: {MODES[options.mode]}")
    runs = repeat(measured, seeds_of(options), command=" ".join(command), told=lambda run: console.print(_line(run)))
    if not kept:
        console.print(runs.summary())
        return 1
    reasoner, data = kept[0]
    console.print(shown(data, runs, read))
    console.print(f"{runs.summary()}; {runs.mean('train_cpu_seconds'):.0f} CPU seconds to train")
    if options.json is not None:
        about = asdict(settings) if settings else {}
        ceilings = {str(k): ceiling(s) for k, s in data.test.items()}
        write(options.json, command, runs.to_json()["runs"], {**about, "mode": options.mode, "ceiling": ceilings})
    _tell(console, reasoner, data.test[LONG][0], read, options.out)
    return 0


def _line(run: Run) -> str:
    """One run in one line, as soon as it is done."""
    told = [f"{100 * v:.1f}" for name, v in run.figures.items() if name.startswith("accuracy_")]
    return f"seed {run.seed}: {run.failed or ' '.join(told) + ' %'}, {run.cpu_seconds:.0f} CPU seconds"


def _tell(console: Console, reasoner: ns.Reasoner, story: Story, read: bool, out: Path | None) -> None:
    """Explain the answer about one story."""
    console.print("\n".join(story.sentences), f"What is {story.people[-1]} to {story.people[0]}? ({story.label})", "")
    why = model.explain(reasoner, story, read)
    console.print(str(why), markup=False, highlight=False)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        why.checked().to_html(str(out / "explanation.html"))
        console.print(f"the explanation as a page: {out / 'explanation.html'}")
