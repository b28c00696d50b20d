"""Measurements into figures, each beside its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.common.figures import Figure, seconds
from benchmarks.grounding.measure import Results

CLINGO = {"rand": 0.10, "chain": 0.10, "sg": 0.15}
DUCKDB = 1.0
FIRINGS = 1.6
BYTES = 20.0  # of the groundings' columns, for each body literal of each firing
FIXED = 0.020  # s
FIRST_OF_ALL = 10.0  # s; kernels are compiled
FIRST_IN_A_PROCESS = 1.0  # s; kernels come from the cache
GROWTH = 2.0
SAMPLES = 20_000.0  # a second
DEEP = {"parity": 200.0, "hmm": 300.0, "rules": 300.0}  # µs a round
ENGINES = {
    "rand": ("boolean", "firings", "clingo", "duckdb"),
    "chain": ("boolean", "firings", "clingo", "duckdb"),
    "sg": ("boolean", "firings", "clingo", "duckdb"),
    "lubm": ("boolean", "firings", "clingo"),
    "lubm triple/3": ("boolean", "firings", "clingo"),
    "mixed": ("boolean", "firings", "clingo"),
}


def against(results: Results, name: str, ours: tuple[str, str], peer: tuple[str, str], bound: float | None) -> Figure:
    """The ratio of two measurements' CPU seconds."""
    one, two = results.get(*ours), results.get(*peer)
    value = one / two if one is not None and two else None
    note = results.failed.get(ours) or results.failed.get(peer) or ""
    return Figure(name, value, "", seconds(one), seconds(two), bound, note=note)


def of_case(results: Results, case: str) -> Iterator[Figure]:
    """The figures of a program that peers run too."""
    for peer, bound in (("clingo", CLINGO.get(case)), ("duckdb", DUCKDB)):
        if peer in ENGINES[case]:
            yield against(results, f"{case}: closure ÷ {peer}", (case, "boolean"), (case, peer), bound)
    yield against(
        results, f"{case}: firings ÷ closure", (case, "firings"), (case, "boolean"),
        FIRINGS if case in CLINGO else None,
    )  # fmt: skip
    count = results.get(case, "firings", "firings")
    literals = results.get(case, "firings", "literals") or 1
    for what, title, bound in (
        ("firing_bytes", "bytes a body literal, groundings' columns", BYTES if case in CLINGO else None),
        ("all_bytes", "bytes a body literal, all columns", None),
    ):
        size = results.get(case, "firings", what)
        value = None if size is None else size / literals
        made = f"{count:,.0f} firings" if count is not None else ""
        yield Figure(f"{case}: {title}", value, "B", made, "", bound)
    for engine in ENGINES[case]:
        peak = results.get(case, engine, "peak")
        facts = results.get(case, engine, "derived")
        made = f"{facts:,.0f} facts" if facts is not None else ""
        note = results.failed.get((case, engine), "")
        yield Figure(f"{case}: peak memory, {engine}", peak and peak / 2**20, "MiB", made, note=note)


def of_growth(results: Results, sizes: Sequence[int]) -> Iterator[Figure]:
    """Time for one fact at each size, and by how much the worst exceeds the best of the smaller sizes."""
    cost: list[float] = []
    worst: float | None = None
    for size in sizes:
        cpu, facts = results.get(f"growth:{size}", "boolean"), results.get(f"growth:{size}", "boolean", "derived")
        if cpu is None or not facts:
            yield Figure(f"growth: {size:,} facts", None, note=results.failed.get((f"growth:{size}", "boolean"), ""))
            continue
        one = cpu / facts
        worst = max([one / min(cost), *([worst] if worst else [])]) if cost else worst
        cost.append(one)
        yield Figure(f"growth: {facts:,.0f} facts, time for one", 1e9 * one, "ns", seconds(cpu))
    yield Figure("growth: time for one fact ÷ the best at a smaller size, worst", worst, bound=GROWTH)


def of_fixed(results: Results) -> Iterator[Figure]:
    """What ten rules over a hundred facts cost: warm, in a fresh process, and the very first time."""
    warm = results.get("fixed", "warm")
    yield Figure("fixed: ten rules, 100 facts, warm", warm and 1e3 * warm, "ms", bound=1e3 * FIXED)
    for engine, bound in (("first of all", FIRST_OF_ALL), ("first in a process", FIRST_IN_A_PROCESS)):
        imported, call = results.get("fixed", engine, "imported"), results.get("fixed", engine, "call")
        made = f"import {seconds(imported)}, call {seconds(call)}"
        yield Figure(f"fixed: {engine}", results.get("fixed", engine), "s", made, bound=bound)


def of_deep(results: Results, steps: int) -> Iterator[Figure]:
    """What one round costs that finds a fact or two."""
    case = f"deep:{steps}"
    for name, bound in DEEP.items():
        cpu = results.get(case, "", name)
        each = cpu and 1e6 * cpu / steps
        note = results.failed.get((case, ""), "")
        yield Figure(f"deep: {name}, one of {steps:,} rounds", each, "µs", seconds(cpu), bound=bound, note=note)


def of_batch(results: Results) -> Iterator[Figure]:
    """Samples a second, as one batch and one by one."""
    cpu, samples = results.get("batch", ""), results.get("batch", "", "samples")
    why = results.failed.get(("batch", "")) or next((r.get("why", "") for r in results.runs.get(("batch", ""), [])), "")
    rate = samples / cpu if cpu and samples else None
    yield Figure("batch: samples a second", rate, "/s", seconds(cpu), bound=SAMPLES, at_least=True, note=why)
    arrays = results.get("batch", "", "cpu_of_arrays")
    rate = samples / arrays if arrays and samples else None
    yield Figure("batch: samples a second, from arrays", rate, "/s", seconds(arrays))
    yield Figure("batch: one by one", results.get("batch", "", "one_by_one"), "/s")
