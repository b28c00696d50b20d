"""Nanoseconds a firing for evaluation and gradient under an algebra, over recorded firings, on one thread.

    python -m benchmarks.semantics_firings [--firings 1000000] [--batch 1 64] [--dtype float64]

| case | what it is |
| --- | --- |
| `chain` | closure of long chains: 40 layers, no cycle |
| `wide` | two layers, ten firings a fact |
| `deep` | one chain of as many layers as there are firings, twenty thousand |
| `rand` | closure of a random graph: one large cycle |

A firing's time is that of `Evaluator(inputs)` and of `backward`, together, divided by firings and samples.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.grounding.closures import CLOSURE
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang import parse_text
from neurosym.semantics import ALGEBRAS, Evaluator

UNCERTAIN = "0.9 :: edge(X, Y) :- link(X, Y).\n"
DEEP = 20_000


def chain(firings: int) -> DerivationGraph:
    """Closure of chains of 41 edges with a way around three of their nodes, numbered at random."""
    spine = [(k, k + 1) for k in range(41)]
    around = [pair for extra, at in enumerate((8, 18, 29), 42) for pair in ((at - 1, extra), (extra, at + 1))]
    one = np.array([*spine, *around, (6, 45)])
    copies = max(1, firings // 1052)
    rows = (one[None] + 46 * np.arange(copies)[:, None, None]).reshape(-1, 2)
    return _closure(np.random.default_rng(0).permutation(46 * copies)[rows])


def rand(firings: int) -> DerivationGraph:
    """Closure of four random edges a node: nearly all nodes reach one another, each fact found four times."""
    nodes = max(10, int((firings / 4) ** 0.5))
    return _closure(np.unique(np.random.default_rng(1).integers(0, nodes, (4 * nodes, 2)), axis=0))


def deep(firings: int) -> DerivationGraph:
    """A chain whose k-th fact is k layers deep."""
    del firings
    text = UNCERTAIN + "reach(Y) :- start(X), edge(X, Y). reach(Y) :- reach(X), edge(X, Y). start(0)."
    links = np.stack([np.arange(DEEP), np.arange(1, DEEP + 1)], axis=1)
    return _ground(text, {"link": links})


def wide(firings: int) -> DerivationGraph:
    """Two layers of facts, each fact with ten firings over random facts of the layer below."""
    size = max(10, firings // 20)
    rng = np.random.default_rng(2)
    text = "0.3 :: a(X) :- node(X).\nb(X) :- one(X, Y, Z), a(Y), a(Z).\nc(X) :- two(X, Y, Z), b(Y), not a(Z).\n"
    heads = np.repeat(np.arange(size), 10)
    tables = {
        name: np.column_stack([heads, rng.integers(0, size, len(heads)), rng.integers(0, size, len(heads))])
        for name in ("one", "two")
    }
    return _ground(text, {"node": np.arange(size)[:, None], **tables})


CASES: dict[str, Callable[[int], DerivationGraph]] = {"chain": chain, "wide": wide, "deep": deep, "rand": rand}


def _closure(edges: np.ndarray) -> DerivationGraph:
    return _ground(UNCERTAIN + CLOSURE, {"link": edges})


def _ground(text: str, tables: dict[str, np.ndarray]) -> DerivationGraph:
    facts = FactBase.from_facts((name, tuple(row)) for name, rows in tables.items() for row in rows.tolist())
    arities = {name: rows.shape[1] for name, rows in tables.items()}
    declared = "".join(f"pred {n}({', '.join(f'a{k}: int' for k in range(a))}) .\n" for n, a in arities.items())
    return ground(parse_text(declared + text, "firings.rules"), facts)


def measure(evaluator: Evaluator, inputs: torch.Tensor, repeats: int) -> tuple[float, float]:
    """Median seconds of the processor for a forward and of a backward pass."""
    forward, backward = [], []
    for _ in range(repeats + 1):
        leaves = inputs.clone().requires_grad_()
        started = time.process_time()
        loss = evaluator(leaves).sum()
        middle = time.process_time()
        loss.backward()
        forward.append(middle - started)
        backward.append(time.process_time() - middle)
    return float(np.median(forward[1:])), float(np.median(backward[1:]))


def main() -> None:
    """Print a line for each case, algebra and batch size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firings", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--semantics", nargs="+", default=["product", "viterbi"])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| case | semantics | firings | batch | made, s | forward, ns | backward, ns | both, ns | peak, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.case:
        graph = CASES[name](options.firings)
        roots = np.unique(graph.head)  # all that is derived
        for semantics in options.semantics:
            ring = next(a for a in ALGEBRAS if a.name == semantics)()
            started = time.perf_counter()
            evaluator = Evaluator(graph, roots, ring)
            made = time.perf_counter() - started
            m = len(evaluator.part.head)
            for batch in options.batch:
                inputs = _inputs(graph, batch, getattr(torch, options.dtype), 0.25 if name == "rand" else 0.95)
                seconds = measure(evaluator, inputs, options.repeats if batch < 16 else 1)
                each = [s / m / batch * 1e9 for s in seconds]
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(
                    f"| {name} | {semantics} | {m:,} | {batch} | {made:.2f} | {each[0]:.1f} | {each[1]:.1f} "
                    f"| {sum(each):.1f} | {peak:,.0f} |", flush=True,
                )  # fmt: skip


def _inputs(graph: DerivationGraph, batch: int, dtype: torch.dtype, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand((batch, graph.num_facts), generator=generator, dtype=dtype) * scale


if __name__ == "__main__":
    main()
