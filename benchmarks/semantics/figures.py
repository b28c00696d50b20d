"""Measurements of the parts without a peer into figures, each beside its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.common.figures import Figure, seconds
from benchmarks.common.results import Results
from benchmarks.semantics.against import case_of
from benchmarks.semantics.families import FAMILIES, Family

NEXT = 100.0  # the first query ÷ an evaluation with new weights
BATCH = 5.0  # 1,024 weight vectors ÷ one
COMPILED, COMPILERS = {"reach": (17, 25, 38), "smokers": (9, 14, 20)}, ("ours", "pysdd")
HMM, HMM_QUICK = (100, 500, 1000, 5000), (3, 6)
GROWTH = 2.0  # time for one more place or step ÷ the best at a smaller size
DIGITS, DIGITS_QUICK = (1, 2, 5, 15, 50, 100), (1, 2, 5)
NAIVE, NAIVE_QUICK = (2, 4, 8, 16), (1, 2)
JUDGED, SAMPLE, SAMPLES = 15, 1.0, 256  # digits, ms a sample, samples in a batch
FIRING = 50.0  # ns
THEORIES = ("chain", "random", "relational", "chain, in conflict", "random, in conflict")
THEORY, THEORY_QUICK, SETTLED = (200, 2000), (20,), 1.0  # formulas; seconds for the first of these
PROVED = {"rules": 3000, "propositions": 3000}
PROVED_QUICK = 60
SHARE, SHARE_SEVERAL = 99.0, 95.0  # %


def of_diagrams(results: Results, cases: Sequence[str]) -> Iterator[Figure]:
    """Time to compile the same formulas, with the number of branches, or of elements."""
    for case in cases:
        cpu = [results.get(case, engine) for engine in COMPILERS]
        ours, peer = (
            f"{seconds(t)}, {results.get(case, e, 'nodes') or 0:,.0f}" if t is not None else ""
            for e, t in zip(COMPILERS, cpu, strict=True)
        )
        value = cpu[1] / cpu[0] if cpu[0] and cpu[1] else None
        note = "; ".join(f"{e}: {why}" for e in COMPILERS if (why := results.failed.get((case, e))))
        _, name, size, _ = case.split("|")
        yield Figure(f"{name}, {size}, what is compiled: pysdd ÷ ours", value, "", ours, peer, note=note)


def of_hmm(results: Results, sizes: Sequence[int]) -> Iterator[Figure]:
    """Time for each step of a long HMM, smoothed, and by how much it grows with the length."""
    steps: list[float] = []
    for size in sizes:
        case = case_of(FAMILIES["HMM, smoothing"], size, 0, "hmm")
        cpu = results.get(case, "ours")
        note = results.failed.get((case, "ours"), "")
        made = f"{seconds(cpu)}, {_methods(results, case)}" if cpu is not None else ""
        yield Figure(f"HMM of {size:,} steps, smoothing, time for one", cpu and 1e6 * cpu / size, "µs", made, note=note)
        if cpu is not None:
            steps.append(cpu / size)
    yield _grown("HMM: time for one step ÷ the best at a shorter length, worst", steps, sizes)


def _methods(results: Results, case: str) -> str:
    return ", ".join(sorted(results.runs[case, "ours"][0]["methods"]))


def of_again(results: Results, families: list[Family], quick: bool) -> Iterator[Figure]:
    """The first query against evaluations with new weights, and a batch of them against one."""
    for family in families:
        case = case_of(family, family.quick[-1] if quick else family.middle, 0, "again")
        get = {k: results.get(case, "ours", k) for k in ("cpu", "parse", "next", "one", "batch", "one_gradient")}
        note = results.failed.get((case, "ours"), "")
        first, one, batch, following = get["cpu"], get["one"], get["batch"], get["next"]
        title = f"{family.name}, {case.split('|')[2]}"
        yield Figure(
            f"{title}: first query ÷ evaluation with new weights", first / one if first and one else None, "",
            seconds(first), seconds(one), NEXT, True, note,
        )  # fmt: skip
        yield Figure(
            f"{title}: first query ÷ the same query again", first / following if first and following else None, "",
            seconds(first), seconds(following), note=note,
        )  # fmt: skip
        yield Figure(
            f"{title}: 1,024 weight vectors ÷ one", batch / one if batch and one else None, "", seconds(batch),
            seconds(one), BATCH, note=note,
        )  # fmt: skip


def of_profile(results: Results, families: list[Family], quick: bool) -> Iterator[Figure]:
    """Which share of our time each stage takes."""
    for family in families:
        case = case_of(family, family.quick[-1] if quick else family.middle, 0, "profile")
        for run in results.runs.get((case, "ours"), [])[:1]:
            for stage, cpu in run["stages"].items():
                share = 100 * cpu / run["cpu"] if run["cpu"] else None
                yield Figure(f"{family.name}, {case.split('|')[2]}: {stage}", share, "%", seconds(cpu))


def of_addition(results: Results, kind: str, sizes: Sequence[int]) -> Iterator[Figure]:
    """Milliseconds a sample of a training step at each number of digits, and how the time for one digit grows."""
    title = "addition, the whole sum" if kind == "joint" else "addition, each digit by itself"
    one: list[float] = []
    for n in sizes:
        case = f"addition|{kind}|{n}"
        cpu, method = results.get(case, ""), _of_first(results, case, "method")
        note = results.failed.get((case, ""), "")
        bound = SAMPLE if n == JUDGED and kind == "joint" else None
        made = f"{seconds(cpu)}, {method}" if cpu is not None else ""
        value = cpu and 1e3 * cpu / SAMPLES
        yield Figure(f"{title}, {n} digits, a sample forward and backward", value, "ms", made, "", bound, note=note)
        if cpu is not None:
            one.append(cpu / n)
    yield _grown(f"{title}: time for one digit ÷ the best at fewer, worst", one, sizes)


def of_naive(results: Results, sizes: Sequence[int]) -> Iterator[Figure]:
    """The joint of all digits of a sum, written naively: time and method at each number of digits."""
    one: list[float] = []
    for n in sizes:
        case = f"addition|naive|{n}"
        cpu, method = results.get(case, ""), _of_first(results, case, "method")
        note = results.failed.get((case, ""), "")
        value = cpu and 1e3 * cpu
        yield Figure(f"joint of the digits of a sum, naive, {n} digits", value, "ms", method, note=note)
        if cpu is not None:
            one.append(cpu / n)
    yield _grown("joint of the digits: time for one digit ÷ the best at fewer, worst", one, sizes)


def _grown(name: str, one: list[float], sizes: Sequence[int]) -> Figure:
    """By how much the time for one exceeds the best of the smaller sizes; not known where a size failed."""
    complete = len(one) == len(sizes)
    worst = max(t / min(one[: k + 1]) for k, t in enumerate(one)) if complete else None
    return Figure(name, worst, bound=GROWTH, note="" if complete else "a size failed")


def _of_first(results: Results, case: str, what: str) -> str:
    runs = results.runs.get((case, ""), [])
    return str(runs[0][what]) if runs else ""


def of_firings(results: Results, names: Sequence[str], semantics: Sequence[str]) -> Iterator[Figure]:
    """Nanoseconds a firing, evaluation and gradient together, and of evaluation alone."""
    for name in names:
        for algebra in semantics:
            case = f"firings|{name}|{algebra}"
            count = results.get(case, "", "firings") or 1
            both, forward = (results.get(case, "", what) for what in ("cpu", "forward"))
            note = results.failed.get((case, ""), "")
            made = f"{count:,.0f} firings"
            title = f"firings, {name}, {algebra}"
            value = both and 1e9 * both / count
            yield Figure(f"{title}: evaluation and gradient of one", value, "ns", made, "", FIRING, note=note)
            yield Figure(f"{title}: evaluation of one", forward and 1e9 * forward / count, "ns", made, note=note)


def of_bounds(results: Results, names: Sequence[str], sizes: Sequence[int]) -> Iterator[Figure]:
    """Seconds until a theory of logic settles, grounded before, and until a conflict in it is traced."""
    for name in names:
        for size in sizes:
            case = f"bounds|{name}|{size}"
            get = {k: results.get(case, "", k) for k in ("cpu", "first", "passes", "settled", "traced", "blamed")}
            note = results.failed.get((case, ""), "")
            made = f"{get['passes']:.0f} passes" if get["passes"] is not None else ""
            bound = SETTLED if size == THEORY[0] else None
            title = f"bounds, {name}, {size:,} formulas"
            yield Figure(f"{title}: inference", get["cpu"], "s", made, "", bound, note=note)
            yield Figure(f"{title}: grounding and the first inference", get["first"], "s", note=note)
            if get["blamed"]:
                yield Figure(f"{title}: tracing the conflict", get["traced"], "s", f"{get['blamed']:.0f} formulas")
            if get["settled"] == 0:
                yield Figure(f"{title}: settled", 0, bound=1, at_least=True)


def of_proved(results: Results, kinds: Sequence[str]) -> Iterator[Figure]:
    """The shares of facts that are proved, and what must not be."""
    total: dict[str, float] = {}
    for kind in kinds:
        case = f"proved|{kind}"
        names = ("programs", "facts", "right", "proved", "several", "proved_several", "false", "wrong")
        found = {name: results.get(case, "", name) or 0 for name in names}
        total = {name: total.get(name, 0) + value for name, value in found.items()}
        yield from _shares(kind, found, results.failed.get((case, ""), ""), judged=False)
    yield from _shares("all", total, "", judged=True)
    yield Figure("proved: facts proved that are not right", total["false"] if total["facts"] else None, bound=0)
    yield Figure("proved: facts with a wrong probability", total["wrong"] if total["facts"] else None, bound=0)


def _shares(kind: str, found: dict[str, float], note: str, judged: bool) -> Iterator[Figure]:
    for title, part, whole, bound in (
        ("facts for which sums and products are right", "proved", "right", SHARE),
        ("those with two groundings or more", "proved_several", "several", SHARE_SEVERAL),
    ):
        value = 100 * found[part] / found[whole] if found[whole] else None
        made = f"{found[part]:,.0f} of {found[whole]:,.0f}"
        peer = f"{found['facts']:,.0f} facts in all"
        limit = bound if judged else None
        yield Figure(f"proved, {kind}: {title}", value, "%", made, peer, limit, at_least=True, note=note)
