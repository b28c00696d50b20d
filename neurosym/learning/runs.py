"""One training under several seeds: mean and deviation, and every run that failed, with its reason."""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

from neurosym.errors import DataError

PACKAGES = ("neurosym-logic", "torch", "numpy", "scikit-learn", "transformers")


@dataclass(frozen=True)
class Run:
    """One seed's run.

    Attributes:
        figures: what it measured; empty if it raised. failed: why it counts as failed; None if it does not.
        seconds: wall time; cpu_seconds: of this process.
    """

    seed: int
    figures: Mapping[str, float]
    failed: str | None
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Runs:
    """All runs of one training.

    Attributes:
        runs: in the order of seeds, failed ones included; command: what makes them; versions: package → version.
    """

    runs: tuple[Run, ...]
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[Run, ...]:
        """Those that failed."""
        return tuple(r for r in self.runs if r.failed is not None)

    def values(self, name: str) -> list[float]:
        """A figure of the runs that did not fail.

        Raises:
            DataError: NS610, no run has it.
        """
        found = [r.figures[name] for r in self.runs if r.failed is None and name in r.figures]
        if not found and not any(name in r.figures for r in self.runs):
            raise DataError(f"no run measured `{name}`", code="NS610", note=self.summary())
        return found

    def mean(self, name: str) -> float:
        """Over the runs that did not fail; NaN if all did."""
        values = self.values(name)
        return statistics.mean(values) if values else math.nan

    def std(self, name: str) -> float:
        """The sample's standard deviation; 0 for one run, NaN if all failed."""
        values = self.values(name)
        return statistics.stdev(values) if len(values) > 1 else 0.0 if values else math.nan

    def told(self, name: str, spec: str = ".4g") -> str:
        """`0.981 ± 0.002 (5 seeds)`, with the failed runs beside it."""
        failed = f", {len(self.failures)} of {len(self.runs)} failed" if self.failures else f" ({len(self.runs)} seeds)"
        return f"{self.mean(name):{spec}} ± {self.std(name):{spec}}{failed}"

    def summary(self) -> str:
        """How many ran, and each failure with its reason."""
        lines = [f"{len(self.runs)} runs, {len(self.failures)} failed"]
        return "\n".join([*lines, *(f"seed {r.seed}: {r.failed}" for r in self.failures)])

    def to_json(self) -> dict[str, Any]:
        """A plain object: command, versions, seeds, means, and every run."""
        names = list(dict.fromkeys(name for r in self.runs for name in r.figures))
        told = {
            n: {"mean": _number(self.mean(n)), "std": _number(self.std(n)), "runs": len(self.values(n))} for n in names
        }
        return {
            "command": self.command,
            "versions": dict(self.versions),
            "seeds": [r.seed for r in self.runs],
            "figures": told,
            "failed": [{"seed": r.seed, "reason": r.failed} for r in self.failures],
            "runs": [
                {
                    "seed": r.seed,
                    **{n: _number(v) for n, v in r.figures.items()},
                    "seconds": round(r.seconds, 3),
                    "cpu_seconds": round(r.cpu_seconds, 3),
                    "failed": r.failed,
                }
                for r in self.runs
            ],
        }

    def write(self, path: str | PathLike[str]) -> None:
        """Write the JSON, whole or not at all.

        Raises:
            DataError: NS624, the file cannot be written.
        """
        write_results(path, self.to_json())


def write_results(path: str | PathLike[str], content: Mapping[str, Any]) -> None:
    """Write results as JSON, whole or not at all.

    Raises:
        DataError: NS624, the file cannot be written.
    """
    target = Path(path)
    beside = target.with_name(target.name + ".tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(beside, target)
    except OSError as error:
        raise DataError(f"the results {target} cannot be written: {error}", code="NS624") from None


def without_folders(words: Iterable[str]) -> list[str]:
    """The words of a command, those that are paths from the root or the home without their folders."""
    return [Path(word).name if word.startswith(("/", "~")) else word for word in words]


def repeat(
    train: Callable[[int], Mapping[str, float]], seeds: Iterable[int], *,
    failed: Callable[[Mapping[str, float]], str | None] | None = None, out: str | PathLike[str] | None = None,
    command: str = "", told: Callable[[Run], None] | None = None,
) -> Runs:  # fmt: skip
    """Run one training under several seeds. A run that raises, or measures no finite number, is counted as failed.

    Args:
        train: seed → name → figure, such as `{"accuracy": 0.98}`.
        seeds: each once.
        failed: says of a run's figures why it counts as failed, such as an accuracy at chance; None: it does not.
        out: a JSON file, written after each run, so that a series that is stopped keeps what it has.
        command: what makes these figures; by default the command line of this process, without folders.
        told: called with each run.

    Raises:
        DataError: NS625, a seed twice or none; NS624, the file cannot be written.
    """
    given = list(seeds)
    if not given or len(set(given)) < len(given):
        raise DataError("a seed is there twice" if given else "there are no seeds", code="NS625")
    done: list[Run] = []
    result = Runs((), command or _command(sys.argv), versions())
    for seed in given:
        gc.collect()  # a reasoner and what it grounded hold each other: those of the run before would stay for long
        run = _run(train, seed, failed)
        done.append(run)
        result = Runs(tuple(done), result.command, result.versions)
        if out is not None:
            result.write(out)
        if told is not None:
            told(run)
    return result


def _run(
    train: Callable[[int], Mapping[str, float]], seed: int, failed: Callable[[Mapping[str, float]], str | None] | None
) -> Run:  # fmt: skip
    started, cpu = time.perf_counter(), time.process_time()
    figures: dict[str, float] = {}
    try:
        figures = {name: float(value) for name, value in train(seed).items()}
        reason = next((f"{n} is {v}" for n, v in figures.items() if not math.isfinite(v)), None)
        reason = reason or (failed(figures) if failed is not None else None)
    except Exception as error:  # whatever it is, it belongs in the table
        first = (str(error).splitlines() or [""])[0]
        reason = f"{type(error).__name__}: {first}"
    return Run(seed, figures, reason, time.perf_counter() - started, time.process_time() - cpu)


def versions() -> dict[str, str]:
    """Package → version, Python's included; those that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _command(argv: Sequence[str]) -> str:
    """The command line without the folders of this machine."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = spec.name.removesuffix(".__main__") if spec is not None else ""
    first = f"python -m {module}" if module else Path(argv[0]).name if argv else ""
    return " ".join([first, *without_folders(argv[1:])])


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
