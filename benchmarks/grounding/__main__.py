"""Grounding against clingo's grounder and duckdb's recursive queries: one table of figures beside their bounds.

    python -m benchmarks.grounding [--only rand,chain,sg,lubm,mixed,growth,fixed,deep,batch] [--runs 5] [--quick]
                                   [--out FILE] [--profile NAME [--mode MODE]]

Figures are CPU seconds of the solving alone, on one thread, the median of so many runs; each run is a process of its
own, and the engines take turns. Programs are parsed and facts are loaded before the clock starts. The exit status is 1
where engines derive different numbers of facts or one of them fails. `--quick` takes small sizes, to which no bound
applies; `--profile rand` shows where a grounding of ours spends its time, and measures nothing.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.common.figures import Figure, environment
from benchmarks.common.table import render
from benchmarks.grounding import figures, ours
from benchmarks.grounding.measure import Results
from benchmarks.grounding.worker import case_of
from neurosym.grounding import Mode
from neurosym.lang import Program

PACKAGES = ("numpy", "numba", "clingo", "duckdb")
PARTS = ("rand", "chain", "sg", "lubm", "mixed", "growth", "fixed", "deep", "batch")
GROWTH = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
GROWTH_QUICK = (10_000, 30_000)
DEEP, DEEP_QUICK = 1000, 50  # rounds


def say(line: str) -> None:
    """Progress, which is no result."""
    print(line, file=sys.stderr, flush=True)


def measure(part: str, results: Results, runs: int, quick: bool) -> Iterator[Figure]:
    """Measure one part of the command and give its figures."""
    if part == "growth":
        sizes = GROWTH_QUICK if quick else GROWTH
        for size in sizes:
            results.measure(f"growth:{size}", ("boolean",), runs, quick, say)
        yield from figures.of_growth(results, sizes)
    elif part == "fixed":
        results.measure("fixed", ("warm",), runs, quick, say)
        results.first_calls(runs, say)
        yield from figures.of_fixed(results)
    elif part == "deep":
        steps = DEEP_QUICK if quick else DEEP
        results.measure(f"deep:{steps}", ("",), runs, quick, say)
        yield from figures.of_deep(results, steps)
    elif part == "batch":
        results.measure("batch", ("",), runs, quick, say)
        yield from figures.of_batch(results)
    else:
        for case in ("lubm", "lubm triple/3") if part == "lubm" else (part,):
            results.measure(case, figures.ENGINES[case], runs, quick, say)
            yield from figures.of_case(results, case)


def profile(name: str, mode: Mode, quick: bool, lines: int = 30) -> None:
    """Ground one program under the profiler, warmed up."""
    size = GROWTH_QUICK[-1] if quick else 1_000_000
    case = case_of(f"growth:{size}" if name == "growth" else name, quick)
    facts = case.factbase()
    program = Program.from_text(case.rules, facts_predicates=facts.predicates)
    ours.warm_up(mode)
    profiler = cProfile.Profile()
    profiler.runcall(ours.call, program, facts, mode)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(lines)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts to measure, separated by commas")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and all measurements")
    programs = (*figures.ENGINES, "growth")
    parser.add_argument("--profile", choices=programs, help="profile one of the programs, and measure nothing")
    parser.add_argument("--mode", choices=("boolean", "firings"), default="firings", help="for --profile")
    options = parser.parse_args()
    if options.profile:
        profile(options.profile, options.mode, options.quick)
        return 0
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    results = Results()
    found = [figure for part in parts for figure in measure(part, results, options.runs, options.quick)]
    print(f"grounding, CPU time on one thread, median of {options.runs}" + ", quick sizes" * options.quick)
    print(render(found, judged=not options.quick))
    if options.out:
        shown = [asdict(figure) | {"verdict": figure.verdict} for figure in found]
        content = {
            "environment": environment(PACKAGES),
            "quick": options.quick,
            "figures": shown,
            "measurements": results.raw(),
        }
        options.out.write_text(json.dumps(content, indent=1) + "\n")
    different = results.disagreements()
    for line in different:
        print(f"error: engines disagree on the number of facts: {line}", file=sys.stderr)
    return 1 if different or results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
