"""The jobs of a part one after the other; what is done is kept as JSON, and not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.common.figures import Figure, environment
from benchmarks.common.process import JobError, run
from benchmarks.perception.part import Job, Options, Part

PACKAGES = ("numpy", "torch", "numba")
# What tells the jobs of a part apart.
WORDS = ("part", "task", "what", "turn", "peer", "length", "kind", "means", "seed")
SECONDS = 7_200.0  # of wall time, for one job


def results(
    part: Part, options: Options, path: Path, work: Path, command: str, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """What all jobs gave, in their order; those that are in the file already are not run, failed ones are run again.

    Args:
        path: the JSON file, written after each job; work: the folder of models.
        command: what makes these results.
    """
    wanted = json.loads(json.dumps(part.jobs(options)))
    done = [r for r in _kept(path) if "failed" not in r["result"] and r["job"] in wanted]
    for job in wanted:
        if any(r["job"] == job for r in done):
            continue
        begun = {"job": job, "environment": environment(PACKAGES)}
        try:
            result = _start(part, job, work, options)
        except JobError as error:
            result = {"failed": str(error)}
        done.append(begun | {"result": result})
        say(f"{named(job)}: {_short(result)}")
        done.sort(key=lambda r: wanted.index(r["job"]))
        found = [r["job"] | r["result"] for r in done]
        _write(path, {"command": command, "figures": shown(part.figures(found)), "measured": done})
    return [r["job"] | r["result"] for r in done]


def shown(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Figures with their verdicts, as JSON takes them."""
    return [asdict(figure) | {"verdict": figure.verdict} for figure in figures]


def _start(part: Part, job: Job, work: Path, options: Options) -> dict[str, Any]:
    if part.run is not None:
        return part.run(job, work, options)
    return run("benchmarks.perception.worker", job | {"work": str(work)}, seconds=SECONDS)


def _kept(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["measured"] if path.is_file() else []


def _write(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all: an interrupted series keeps what it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    os.replace(beside, path)


def named(job: Job) -> str:
    """A job in a few words."""
    return ", ".join(f"{k} {job[k]}" for k in WORDS if job.get(k) is not None)


def _short(result: dict[str, Any]) -> str:
    return ", ".join(f"{k} {_round(v)}" for k, v in result.items() if not isinstance(v, list | dict))


def _round(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
