"""What contributions cost, each method by itself: `python -m benchmarks.explain.contributions`.

The claims are two rules that share half of their uncertain facts, and whether two corners of a grid of uncertain edges
are connected, which needs a circuit. Times are CPU seconds of the process, in which other work on the machine shows
little; that of an explanation without contributions is printed beside. The last columns are of Shapley values that are
sampled although they need not be: their largest standard error, and how far they are off, in points. At the end, the
attribution of one neural fact.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import neurosym as ns
from neurosym.neural import DigitNet

METHODS = ("leave-one-out", "gradient", "shapley")


def overlapping(players: int) -> tuple[str, str]:
    """Two rules that share half of their uncertain facts; as many players as asked for."""
    facts = [f"e({k})" for k in range(players)]
    half = players // 2
    bodies = (facts[:-1], [*facts[:half], facts[-1]])
    lines = [f"0.9 :: {f}." for f in facts] + [f"p :- {', '.join(body)}." for body in bodies]
    return "\n".join(lines), "p"


def grid(side: int) -> tuple[str, str]:
    """Paths through a grid of edges that are there with probability 0.8."""
    edges = [f"0.8 :: edge({x}, {y}, {x + 1}, {y})." for x in range(side - 1) for y in range(side)]
    edges += [f"0.8 :: edge({x}, {y}, {x}, {y + 1})." for x in range(side) for y in range(side - 1)]
    rules = "at(0, 0). at(X, Y) :- at(A, B), edge(A, B, X, Y)."
    return "\n".join([*edges, rules]), f"at({side - 1}, {side - 1})"


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The median CPU seconds of some runs, after one that does not count."""
    run()
    times: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def measure(name: str, text: str, atom: str, repeats: int, proofs: int = 3) -> None:
    """Print the costs for one claim, in milliseconds."""
    answers = ns.Reasoner(ns.Program.from_text(text)).query(atom)
    plain = seconds(lambda: ns.explain(answers, atom, proofs=proofs, contributions=()), repeats)
    shares = ns.explain(answers, atom, proofs=proofs, contributions="shapley")
    assert shares.shares is not None
    sampled = ns.explain(answers, atom, proofs=proofs, contributions="shapley", exact_players=0)
    players = len(shares.contributions) + (shares.shares.rest_leaves > 0)
    cells = [f"{name:<14}{players:>8}{answers.details[0].partition(':')[0][:26]:>28}{1000 * plain:>12.1f}"]
    for method in METHODS:
        took = seconds(lambda m=method: ns.explain(answers, atom, proofs=proofs, contributions={m}), repeats)
        cells.append(f"{1000 * max(0.0, took - plain):>15.1f}")
    drawn = seconds(lambda: ns.explain(answers, atom, proofs=proofs, contributions="shapley", exact_players=0), repeats)
    error = 100 * max(c.shapley_error or 0.0 for c in sampled.contributions)
    off = 100 * max(
        abs((a.shapley or 0) - (b.shapley or 0))
        for a, b in zip(shares.contributions, sampled.contributions, strict=True)
    )
    print(
        "".join(cells),
        f"{shares.shares.evaluations:>12}{1000 * max(0.0, drawn - plain):>12.1f}{error:>10.2f}{off:>8.2f}",
    )


def attribution(repeats: int) -> None:
    """Print the cost of one attribution on a 28 × 28 image."""
    torch.manual_seed(0)
    network = DigitNet()
    reasoner = ns.Reasoner(
        ns.Program.from_text("neural digit(i: Image, d: 0..9) by net .\nseven(I) :- digit(I, 7)."),
        None,
        {"net": network},
    )
    answers = reasoner.query("seven(a)", inputs={"a": torch.rand(1, 1, 28, 28)})
    plain = seconds(lambda: ns.explain(answers, "seven(a)", contributions=()), repeats)
    took = seconds(lambda: ns.explain(answers, "seven(a)", contributions=(), attributions=True), repeats)
    print(f"\nattribution of a digit (28 × 28, DigitNet): {1000 * (took - plain):.0f} ms")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{'claim':<14}{'players':>8}{'circuit':>28}{'alone, ms':>12}", end="")
    print(
        "".join(f"{'+ ' + m:>15}" for m in METHODS), f"{'evaluations':>12}{'+ sampled':>12}{'± points':>10}{'off':>8}"
    )
    for players in (5, 12, 40):
        measure("overlapping", *overlapping(players), repeats)
    for side, proofs in ((3, 3), (5, 20), (6, 40)):
        measure(f"grid {side} × {side}", *grid(side), repeats, proofs)
    attribution(repeats)


if __name__ == "__main__":
    main()
