"""Exact probabilities and learning: one table of figures beside their bounds.

    python -m benchmarks.semantics [--parts problog,diagrams,hmm,again,addition,firings,bounds,proved]
                                   [--only 'FAMILY;…'] [--runs 3] [--seeds 3] [--until 60] [--limit 120] [--quick]
                                   [--out FILE]

Figures are CPU seconds on one thread, the median of so many runs; each run is a process of its own, kernels are
loaded before the clock starts, and the engines take turns. From 5 s on, one run is enough. The exit status is 1 where
probabilities differ by more than 1e-6 from the peer's, or a part finds an answer that is wrong. `--quick` takes small
sizes, to which no bound applies; `--parts profile` shows where our time goes, stage by stage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

from benchmarks.common.figures import Figure, environment
from benchmarks.common.results import Results
from benchmarks.common.table import render
from benchmarks.semantics import against, figures
from benchmarks.semantics.families import FAMILIES, Family
from benchmarks.semantics.worker import LIMIT

PARTS = ("problog", "diagrams", "hmm", "again", "addition", "firings", "bounds", "proved")
FIRING_CASES, FIRING_SEMANTICS = ("chain", "wide", "deep", "rand"), ("product", "viterbi")
PACKAGES = ("numpy", "torch", "numba", "pysdd", "problog")


def say(line: str) -> None:
    """Progress, which is no result."""
    print(line, file=sys.stderr, flush=True)


def measure(part: str, results: Results, families: list[Family], options: argparse.Namespace) -> Iterator[Figure]:
    """Measure one part of the command and give its figures."""
    runs, quick = options.runs, options.quick
    if part == "problog":
        limits = against.Limits(options.until, options.seeds)
        for family in families:
            against.grow(family, results, runs, quick, limits, say)
        yield from against.of_families(results, families, options.limit)
        yield from against.of_methods(results, families)
    elif part == "diagrams":
        cases = [(FAMILIES[name], size) for name, sizes in figures.COMPILED.items() for size in sizes]
        cases = [(family, family.quick[-1]) if quick else (family, size) for family, size in cases]
        found = list(dict.fromkeys(against.case_of(family, size, 0, part) for family, size in cases))
        for case in found:
            results.measure(case, figures.COMPILERS, runs, quick, say, against.LONG)
        yield from figures.of_diagrams(results, found)
    elif part == "hmm":
        sizes = figures.HMM_QUICK if quick else figures.HMM
        grow([against.case_of(FAMILIES["HMM, smoothing"], size, 0, "hmm") for size in sizes], "ours", results, options)
        yield from figures.of_hmm(results, sizes)
    elif part in ("again", "profile"):
        for family in families:
            case = against.case_of(family, family.quick[-1] if quick else family.middle, 0, part)
            results.measure(case, ("ours",), 1 if part == "profile" else runs, quick, say, against.LONG)
        yield from (figures.of_again if part == "again" else figures.of_profile)(results, families, quick)
    elif part == "addition":
        for kind in ("joint", "digits"):
            sizes = figures.DIGITS_QUICK if quick else figures.DIGITS
            grow([f"addition|{kind}|{n}" for n in sizes], "", results, options)
            yield from figures.of_addition(results, kind, sizes)
        sizes = figures.NAIVE_QUICK if quick else figures.NAIVE
        grow([f"addition|naive|{n}" for n in sizes], "", results, options)
        yield from figures.of_naive(results, sizes)
    elif part == "firings":
        for name, semantics in product(FIRING_CASES, FIRING_SEMANTICS):
            results.measure(f"firings|{name}|{semantics}", ("",), runs, quick, say, against.LONG)
        yield from figures.of_firings(results, FIRING_CASES, FIRING_SEMANTICS)
    elif part == "bounds":
        sizes = figures.THEORY_QUICK if quick else figures.THEORY
        for name, size in product(figures.THEORIES, sizes):
            results.measure(f"bounds|{name}|{size}", ("",), runs, quick, say, against.LONG)
        yield from figures.of_bounds(results, figures.THEORIES, sizes)
    else:
        for kind in figures.PROVED:
            results.measure(f"proved|{kind}", ("",), 1, quick, say)
        yield from figures.of_proved(results, list(figures.PROVED))


def grow(cases: Sequence[str], engine: str, results: Results, options: argparse.Namespace) -> None:
    """Measure cases, each larger than the last, until one fails."""
    for k, case in enumerate(cases):
        results.measure(case, (engine,), options.runs, options.quick, say, against.LONG)
        if (case, engine) in results.failed:
            results.failed |= {(later, engine): "failed at a smaller size" for later in cases[k + 1 :]}
            return


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure, separated by commas")
    parser.add_argument("--only", default=";".join(FAMILIES), help="families of programs, separated by semicolons")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="random programs of each size")
    parser.add_argument("--until", type=float, default=against.ENOUGH, help="CPU seconds of problog to grow to")
    parser.add_argument("--limit", type=float, default=LIMIT, help="CPU seconds after which an engine took too long")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and all measurements")
    options = parser.parse_args()
    parts, only = options.parts.split(","), options.only.split(";")
    for name, wanted, known in (("--parts", parts, (*PARTS, "profile")), ("--only", only, FAMILIES)):
        if unknown := set(wanted) - set(known):
            parser.error(f"{name} takes {'; '.join(known)}, not {'; '.join(sorted(unknown))}")
    results = Results("benchmarks.semantics.worker", {"limit": options.limit})
    families = [FAMILIES[name] for name in only]
    found = [figure for part in parts for figure in measure(part, results, families, options)]
    print(f"semantics, CPU time on one thread, median of {options.runs}" + ", quick sizes" * options.quick)
    print(render(found, judged=not options.quick))
    if options.out:
        shown = [asdict(figure) | {"verdict": figure.verdict} for figure in found]
        content = {"environment": environment(PACKAGES), "quick": options.quick, "figures": shown}
        content["measurements"] = results.raw()
        options.out.write_text(json.dumps(content, indent=1) + "\n")
    different = against.disagreements(results)
    for line in different:
        print(f"error: probabilities differ: {line}", file=sys.stderr)
    unsound = sum(run["false"] + run["wrong"] for runs in results.runs.values() for run in runs if "false" in run)
    if unsound:
        print(f"error: {unsound} facts are proved that are not right, or have a wrong probability", file=sys.stderr)
    return 1 if different or unsound or any("AssertionError" in why for why in results.failed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
