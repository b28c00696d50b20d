"""Kinship in stories: relations are told or read from the text, and put together by rules that are given or learned.

neurosym run clutrr [--mode given|learned|text] [--seeds N] [--out DIR] [--json FILE] …
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

import neurosym as ns
from neurosym.learning import repeat
from neurosym.learning.runs import Run, Runs
from tasks.clutrr import model
from tasks.clutrr.data import Story, ceiling, load
from tasks.clutrr.model import Settings
from tasks.clutrr.plain import ceiling_of_text
from tasks.clutrr.tables import learned_table, table_text
from tasks.common.options import add_runs, add_settings, given, page, positive, seeds_of
from tasks.common.record import write

MODES = {
    "given": "relations and composition given",
    "learned": "relations given, composition learned from labels",
    "text": "relations read from the text, composition given",
}
DEFAULTS = {
    "learned": Settings(20, 2, 64, 0.3),
    "text": Settings(4, 5, 64, 3e-3),
    "text with an encoder": Settings(1, 1, 32, 1e-4),
}
SETTABLE = {"short": int, "epochs": int, "batch": int, "lr": float}
NOTES = {"short": "epochs on stories of two steps, before those on all"}
HELD_OUT = 0.15  # of the sentences, by --validate
LONG = 4  # steps of the story that is explained, or as many as there are


@dataclass(frozen=True, slots=True)
class Trained:
    """What a mode ends with.

    Attributes:
        reader: of the texts; None where relations are given.
        table: that was learned, as rules.
    """

    reasoner: ns.Reasoner
    reader: model.Reader | None = None
    table: str | None = None


def train(
    mode: str, stories: Sequence[Story], settings: Settings | None, table: Path, seed: int, progress: bool,
    encoder: Path | None = None,
) -> Trained:  # fmt: skip
    """The reasoner of a mode, trained on what the mode trains on.

    Args:
        table: rule file with the composition; the mode `learned` does not look at it.
        encoder: folder of a transformer for the mode `text`.
    """
    if settings is None:
        return Trained(model.with_table(table))
    if mode == "text":
        reasoner, reader = model.with_reader(stories, table, seed, encoder)
        model.learn_to_read(reasoner, reader, stories, settings, seed, progress)
        return Trained(reasoner, reader)
    learner = model.with_open_table(seed)
    model.learn_table(learner, stories, settings, seed, progress)
    about = f"Learned from the labels of {len(stories):,} stories of two and three steps, seed {seed}."
    text = table_text(learned_table(learner), about)
    return Trained(model.with_table_text(text), table=text)  # judged by what is written, not by the weights


def judge(trained: Trained, tests: Mapping[int, Sequence[Story]]) -> dict[str, float]:
    """Figures of the test parts, by name and K."""
    figures: dict[str, float] = {}
    for length, stories in tests.items():
        begun = time.process_time()
        figures[f"accuracy_{length}"] = model.accuracy(trained.reasoner, stories, trained.reader)
        figures[f"milliseconds_{length}"] = 1000 * (time.process_time() - begun) / len(stories)
        if trained.reader:
            figures[f"read_{length}"] = model.read_rightly(trained.reader, stories)
    return figures


def parts(seed: int, validate: bool, most: int | None) -> tuple[tuple[Story, ...], dict[int, tuple[Story, ...]]]:
    """The stories to train on, and those to judge by, by K.

    Args:
        validate: hold sentences of the training file out, and judge by the stories which have no others.
        most: train on so many stories.
    """
    data = load(seed, HELD_OUT if validate else 0.0)
    tests = {k: tuple(s for s in data.valid if s.length == k) for k in (2, 3)} if validate else data.test
    return data.train[:most], tests


def shown(tests: Mapping[int, Sequence[Story]], runs: Runs, read: bool) -> Table:
    """For each K: the ceiling, mean and deviation of the accuracy, and how far it stays below.

    Args:
        read: whether relations were read; sentences that say something else than the data are another ceiling then.
    """
    table = Table("steps", "stories", "ceiling", "accuracy", "of the ceiling", "points below", "ms a story", title=None)
    if read:
        for column in ("steps read rightly", "ceiling of the text", "of that"):
            table.add_column(column)
    for length, stories in tests.items():
        best, mean = ceiling(stories), runs.mean(f"accuracy_{length}")
        accuracy = f"{100 * mean:.1f} ± {100 * runs.std(f'accuracy_{length}'):.1f} %"
        row = [str(length), str(len(stories)), f"{best:.1%}", accuracy, f"{mean / best:.1%}"]
        row += [f"{100 * (best - mean):.1f}", f"{runs.mean(f'milliseconds_{length}'):.2f}"]
        if read:
            told = ceiling_of_text(stories)
            row += [f"{runs.mean(f'read_{length}'):.1%}", f"{told:.1%}", f"{mean / told:.1%}" if told else ""]
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
    parser.add_argument(
        "--encoder", type=Path, metavar="FOLDER",
        help="a transformer in the Hugging Face format that reads the text; default: a network from nothing",
    )  # fmt: skip
    parser.add_argument("--stories", type=positive, metavar="N", help="train on the first N stories only")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="judge by stories of the training file all of whose sentences are held out, not by the test files",
    )
    add_runs(parser, "weights, order and held out sentences", "learned.rules and the explanation of a story")
    return parser


def run(args: Sequence[str]) -> int:
    """Train, evaluate and explain; gives the exit status."""
    parser = _parser()
    options = parser.parse_args(list(args))
    torch.set_num_threads(1)
    kind = options.mode if options.encoder is None else f"{options.mode} with an encoder"
    if options.encoder is not None and kind not in DEFAULTS:
        parser.error("--encoder is for --mode text")
    settings = given(options, DEFAULTS[kind], SETTABLE) if kind in DEFAULTS else None
    # of the first seed that is done; its model is let go, for it holds gigabytes
    kept: list[tuple[dict[int, tuple[Story, ...]], Story, ns.Explanation]] = []

    def measured(seed: int) -> dict[str, float]:
        stories, tests = parts(seed, options.validate, options.stories)
        begun = time.process_time()
        trained = train(options.mode, stories, settings, options.table, seed, not options.quiet, options.encoder)
        seconds = time.process_time() - begun
        if trained.table is not None and options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"learned-{seed}.rules").write_text(trained.table, "utf-8")
        figures = {"stories": len(stories), "train_cpu_seconds": seconds, **judge(trained, tests)}
        if not kept:
            story = tests[min(LONG, max(tests))][0]
            kept.append((tests, story, model.explain(trained.reasoner, story, trained.reader)))
        return figures

    command = ["clutrr", *args]
    console = Console(width=max(150, Console().width))
    console.print(f"CLUTRR, {options.mode}: {MODES[options.mode]}")
    done: list[Run] = []

    def told(run: Run) -> None:
        console.print(_line(run))
        done.append(run)
        if options.json is not None and kept:  # after each run: a series that is stopped keeps what it has
            about = (asdict(settings) if settings else {}) | {"mode": options.mode} | ceilings(kept[0][0], options.mode)
            write(options.json, command, Runs(tuple(done), "", {}).to_json()["runs"], about)

    runs = repeat(measured, seeds_of(options), command=" ".join(command), told=told)
    if not kept:
        console.print(runs.summary())
        return 1
    tests, story, why = kept[0]
    console.print(shown(tests, runs, options.mode == "text"))
    console.print(f"{runs.summary()}; {runs.mean('train_cpu_seconds'):.0f} CPU seconds to train")
    console.print("\n".join(story.sentences), f"What is {story.people[-1]} to {story.people[0]}? ({story.label})", "")
    console.print(str(why), markup=False, highlight=False)
    page(why, options.out)
    return 0


def ceilings(tests: Mapping[int, Sequence[Story]], mode: str) -> dict[str, dict[str, float]]:
    """The ceilings that a mode is judged by, by K."""
    found = {"ceiling": {str(k): ceiling(s) for k, s in tests.items()}}
    if mode == "text":
        found["ceiling of the text"] = {str(k): ceiling_of_text(s) for k, s in tests.items()}
    return found


def _line(run: Run) -> str:
    """One run in one line, as soon as it is done."""
    told = [f"{100 * v:.1f}" for name, v in run.figures.items() if name.startswith("accuracy_")]
    return f"seed {run.seed}: {run.failed or ' '.join(told) + ' %'}, {run.cpu_seconds:.0f} CPU seconds"
