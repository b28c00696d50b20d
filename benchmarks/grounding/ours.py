"""The engine's side: one call of `ground`, timed, and what its graph weighs."""

from __future__ import annotations

import gc
import time
from typing import Any

from benchmarks.grounding.case import Case
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, Limits, Mode, ground
from neurosym.lang import Program

LIMITS = Limits(facts=200_000_000, firings=1_000_000_000)

# Something of everything that the cases use, so that no kernel is loaded while the clock runs.
WARM_UP = """
edge(1, 2). edge(2, 3). edge(3, 1). value(1, 2, 5). value(2, 3, 7). odd(1). odd(3).
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
near(X, Y) :- edge(P, X), edge(P, Y).
near(X, Y) :- edge(P, X), near(P, Q), edge(Q, Y).
far(X, Y) :- path(X, Y), not edge(X, Y), not odd(X).
twice(X, W) :- value(X, Y, V), edge(X, Y), W = V * 2 + 1, W > 3.
fans(X, N) :- odd(X), N = count{ Y : path(X, Y) }.
total(X, N) :- odd(X), N = sum{ V, Y : value(X, Y, V) }.
"""


def call(program: Program, facts: FactBase, mode: Mode) -> DerivationGraph:
    """`ground` in a mode, with limits that no case reaches."""
    return ground(program, facts, limits=LIMITS, mode=mode)


def warm_up(mode: Mode) -> None:
    """One grounding of a tiny program."""
    call(Program.from_text(WARM_UP), FactBase(), mode)


def solve(case: Case, mode: Mode) -> dict[str, Any]:
    """CPU and wall seconds of `ground`, and the counts and bytes of what it gave."""
    facts = case.factbase()
    program = Program.from_text(case.rules, facts_predicates=facts.predicates)
    warm_up(mode)
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    graph = call(program, facts, mode)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    firings, literals, firing_bytes, all_bytes = weigh(graph)
    return {
        "cpu": cpu,
        "wall": wall,
        "derived": derived(graph),
        "firings": firings,
        "rounds": int(graph.rank.max(initial=0)),
        "literals": literals,
        "firing_bytes": firing_bytes,
        "all_bytes": all_bytes,
    }


def derived(graph: DerivationGraph) -> int:
    """Facts that are no input, of the predicates that the program itself speaks of."""
    return sum(
        int((graph.rank[facts] > 0).sum())
        for key, facts in zip(graph.predicates, graph.fact_ids, strict=True)
        if key not in graph.program.hidden
    )


def weigh(graph: DerivationGraph) -> tuple[int, int, int, int]:
    """Firings, their body literals, bytes that hold them, and bytes of all columns.

    Firings are kept in blocks until a reader asks for columns; the larger of the two counts.
    """
    blocks = graph.groundings.nbytes
    firing = max(blocks, graph.groundings.columns.nbytes)
    names = ("predicate", "row", "status", "choice", "outcome", "rank", "place")
    columns = [*(getattr(graph, name) for name in names), *graph.rows, *graph.fact_ids]
    return graph.num_groundings, len(graph.body), firing, firing + sum(c.nbytes for c in columns)
