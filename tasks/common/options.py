"""Options that the run commands of several tasks have, and how their tables tell several seeds."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from neurosym import Explanation
from neurosym.errors import NeurosymError
from tasks.common.digits import SOURCES

Settings = TypeVar("Settings")


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def add_data(parser: argparse.ArgumentParser, default: str = "auto") -> None:
    """`--data`: where digit images come from."""
    parser.add_argument("--data", choices=SOURCES, default=default, help="auto: MNIST where NEUROSYM_DATA has it")


def add_settings(
    parser: argparse.ArgumentParser, defaults: Mapping[str, Any], kinds: Mapping[str, Callable[[str], Any]],
    notes: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """An option for each of some settings, which replaces the default.

    Args:
        defaults: name of the data → settings, a dataclass.
        kinds: name of a setting → what reads its text.
        notes: name of a setting → what it is, where its name does not say it.
    """
    for name, kind in kinds.items():
        note = f"{notes[name]}; " if notes and name in notes else ""
        shown = ", ".join(f"{getattr(settings, name)} for {data}" for data, settings in defaults.items())
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"{note}default: {shown}")


def given(options: argparse.Namespace, settings: Settings, names: Iterable[str]) -> Settings:
    """The settings, with what the command line gives for some of them."""
    changed = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return replace(settings, **changed)  # type: ignore[type-var]


def add_runs(parser: argparse.ArgumentParser, of: str, pages: str) -> None:
    """`--seed`, `--seeds`, `--out`, `--json` and `--quiet`.

    Args:
        of: what the seed decides; pages: what `--out` writes.
    """
    parser.add_argument("--seed", type=int, default=0, help=f"of {of}; default: 0")
    parser.add_argument("--seeds", type=positive, default=1, metavar="N", help="runs, with seeds from --seed on")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"write {pages}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results with command, versions and seeds")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def seeds_of(options: argparse.Namespace) -> range:
    """The seeds that are asked for."""
    return range(options.seed, options.seed + options.seeds)


def main(run: Callable[[list[str]], int]) -> NoReturn:
    """Run a task as a module: its command with the words of this process; an error is told without a traceback."""
    try:
        sys.exit(run(sys.argv[1:]))
    except NeurosymError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def page(why: Explanation, out: Path | None, name: str = "explanation") -> None:
    """Write an explanation as a page into a folder, where one is asked for, and say so."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        why.checked().to_html(str(out / f"{name}.html"))
        print(f"the explanation as a page: {out / f'{name}.html'}")


def spread(shares: Sequence[float]) -> str:
    """Mean and standard deviation of shares between 0 and 1, in per cent."""
    return f"{100 * statistics.mean(shares):.1f} ± {100 * statistics.stdev(shares):.1f} %"
