"""Against ProbLog: each family grown until the peer needs too long, and the figures of that."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.common.figures import Figure, seconds
from benchmarks.common.results import Results, Say
from benchmarks.semantics.families import Family

ENGINES = ("ours", "problog")
ENOUGH = 60.0  # CPU seconds of the peer at which a family stops growing
LONG = 5.0  # CPU seconds from which one run is enough
SAME = 1e-6
MEDIAN, WORST = 10.0, 2.0


@dataclass(frozen=True)
class Limits:
    """How far a family grows: CPU seconds of the peer, and the largest number of programs of one size."""

    enough: float = ENOUGH
    seeds: int = 3


def case_of(family: Family, size: int, seed: int, part: str = "problog") -> str:
    """The name of a job."""
    return f"{part}|{family.name}|{size}|{seed}"


def grow(family: Family, results: Results, runs: int, quick: bool, limits: Limits, say: Say) -> None:
    """Measure both engines at each size until the peer needs too long or fails.

    An engine that failed at a size is not tried at larger ones.
    """
    given_up: set[str] = set()
    for size in family.quick if quick else family.sizes:
        needed: list[float] = []
        for seed in range(min(family.seeds, limits.seeds)):
            case = case_of(family, size, seed)
            for engine in given_up:
                results.failed[case, engine] = "failed at a smaller size"
            results.measure(case, ENGINES, runs, quick, say, LONG)
            if (cpu := results.get(case, "problog")) is not None:
                needed.append(cpu)
        given_up |= {
            engine for engine in ENGINES
            if all((case_of(family, size, s), engine) in results.failed for s in range(min(family.seeds, limits.seeds)))
        }  # fmt: skip
        if not needed or statistics.median(needed) >= limits.enough:
            return


def points(results: Results, family: Family) -> dict[int, list[tuple[str, float | None, float | None]]]:
    """Size → (case, our CPU seconds, the peer's) of each program."""
    found: dict[int, list[tuple[str, float | None, float | None]]] = {}
    for case in dict.fromkeys(case for case, _ in [*results.runs, *results.failed]):
        part, name, size, _ = (*case.split("|"), "", "", "")[:4]
        if part == "problog" and name == family.name:
            found.setdefault(int(size), []).append((case, results.get(case, "ours"), results.get(case, "problog")))
    return dict(sorted(found.items()))


def ratio(ours: float | None, peer: float | None, limit: float) -> float | None:
    """How many times faster we are; one that took too long counts with the limit, which favours it."""
    if ours is None and peer is None:
        return None
    return (limit if peer is None else peer) / (limit if ours is None else ours)


def of_families(results: Results, families: list[Family], limit: float) -> Iterator[Figure]:
    """A line for each size, then the median and the worst of all points, and what took too long."""
    every: list[float] = []
    late: Counter[str] = Counter()
    for family in families:
        for size, members in points(results, family).items():
            found = [r for _, ours, peer in members if (r := ratio(ours, peer, limit)) is not None]
            every += found
            notes = [
                f"{engine}: {why}" for case, *_ in members for engine in ENGINES
                if (why := results.failed.get((case, engine)))
            ]  # fmt: skip
            for engine in ENGINES:
                late[engine] += sum((case, engine) in results.failed for case, *_ in members)
            ours, peer = _median([m[1] for m in members]), _median([m[2] for m in members])
            value = statistics.median(found) if found else None
            note = "; ".join(dict.fromkeys(notes))
            mine, theirs = (seconds(t) if t is not None else "too long" for t in (ours, peer))
            yield Figure(f"{family.name}, {size}: problog ÷ ours", value, "", mine, theirs, note=note)
    median = statistics.median(every) if every else None
    yield Figure(f"problog ÷ ours, median of {len(every)} programs", median, bound=MEDIAN, at_least=True)
    yield Figure("problog ÷ ours, worst", min(every, default=None), bound=WORST, at_least=True)
    for engine in ENGINES:
        yield Figure(f"programs that took too long or failed, {engine}", late[engine])


def _median(values: list[float | None]) -> float | None:
    """The median, where what failed is longer than all else; None if that is the median."""
    ranked = sorted(values, key=lambda v: float("inf") if v is None else v)
    return ranked[(len(ranked) - 1) // 2] if ranked else None


def of_methods(results: Results, families: list[Family]) -> Iterator[Figure]:
    """For each family the share of answers that each method gave."""
    for family in families:
        counts: Counter[str] = Counter()
        for members in points(results, family).values():
            for case, *_ in members:
                for run in results.runs.get((case, "ours"), [])[:1]:
                    counts.update(run["methods"])
        total = counts.total()
        for method in ("certain", "sum-product", "circuit"):
            if counts[method]:
                yield Figure(f"{family.name}: answers by {method}", 100 * counts[method] / total, "%", f"of {total:,}")


def disagreements(results: Results) -> list[str]:
    """Programs of which the engines' probabilities differ."""
    found = []
    for case in dict.fromkeys(case for case, _ in results.runs):
        answers = [runs[0].get("answers") or {} for (other, _), runs in results.runs.items() if other == case]
        if len(answers) < 2:
            continue
        for atom in sorted({*answers[0], *answers[1]}):
            ours, theirs = (a.get(atom, 0.0) for a in answers)
            if not abs(ours - theirs) <= SAME:
                found.append(f"{case}: {atom} has {ours}, the peer says {theirs}")
    return found
