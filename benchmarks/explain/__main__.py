"""What explanations cost: one table of figures beside their bounds.

    python -m benchmarks.explain [--parts cost,reports,training] [--runs 3] [--quick] [--out FILE]

Why not, changes, shares and attributions are asked for, and are no part of these. `cost`: an explanation with its
proofs, leaving out and certificate, against the query that it explains (grounding and
evaluating, from a parsed program to the probability), CPU seconds on one thread. `reports`: pages on the patients of
the diagnosis task, each explained, verified and written, wall seconds. `training`: a training after
much was explained against one where nothing was, by copies of one process. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.common.figures import Figure, environment, seconds
from benchmarks.common.results import Results
from benchmarks.common.table import render
from benchmarks.explain.claims import CLAIMS

PARTS = ("cost", "reports", "training")
SIZES, SIZES_QUICK = (10, 1_000, 100_000), (10, 200)
REPORTS, REPORTS_QUICK = 1_000, 20
EPOCHS, EPOCHS_QUICK = 40, 3
TIMES = 10  # an explanation may cost so many evaluations
PACKAGES = ("numpy", "torch", "numba", "jinja2")


def say(line: str) -> None:
    """Progress, which is no result."""
    print(line, file=sys.stderr, flush=True)


def of_cost(results: Results, runs: int, quick: bool) -> Iterator[Figure]:
    """An explanation against the query that it explains."""
    for name in CLAIMS:
        for size in SIZES_QUICK if quick else SIZES:
            case = f"cost|{name}|{size}"
            results.measure(case, ("",), 1 if size >= 100_000 else runs, quick, say)
            explained, evaluated = results.get(case, ""), results.get(case, "", "evaluated")
            title = f"{name}, {size:,} firings: explanation ÷ query"
            if explained is None or not evaluated:
                yield Figure(title, None, note=results.failed.get((case, ""), ""))
                continue
            yield Figure(title, explained / evaluated, "", seconds(explained), seconds(evaluated), TIMES)
            bare, again = results.get(case, "", "bare"), results.get(case, "", "again")
            left = results.get(case, "", "without")
            yield Figure(
                f"{name}, {size:,} firings: proofs and certificate alone", (bare or 0) / evaluated, "", seconds(bare),
                note=f"{left:.0f} were left out; an evaluation with new weights takes {seconds(again)}",
            )  # fmt: skip


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure, separated by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and all measurements")
    options = parser.parse_args()
    parts, quick = options.parts.split(","), options.quick
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--parts takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    results = Results("benchmarks.explain.worker")
    found: list[Figure] = []
    if "cost" in parts:
        found += of_cost(results, options.runs, quick)
    if "reports" in parts:
        number = REPORTS_QUICK if quick else REPORTS
        for processes, bound in ((1, None), (2, 60)):
            case = f"reports|{number}|{processes}"
            results.measure(case, ("",), 1, quick, say)
            wall = results.get(case, "", "wall")
            found.append(Figure(f"{number:,} reports, by {processes} processes", wall, "s", bound=bound))
    if "training" in parts:
        case = f"training|{EPOCHS_QUICK if quick else EPOCHS}"
        results.measure(case, ("",), options.runs, quick, say)
        after, before = results.get(case, ""), results.get(case, "", "before")
        ratio = None if after is None or not before else after / before
        found.append(
            Figure(
                "training where much was explained ÷ where nothing was",
                ratio,
                "",
                seconds(after),
                seconds(before),
                1.05,
            )
        )
    print(f"explanations, median of {options.runs}" + ", quick sizes" * quick)
    print(render(found, judged=not quick))
    if options.out:
        shown = [asdict(figure) | {"verdict": figure.verdict} for figure in found]
        content = {"environment": environment(PACKAGES), "quick": quick, "figures": shown, "measured": results.raw()}
        options.out.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
