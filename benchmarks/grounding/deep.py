"""Recursions of many rounds that find a fact or two each: what a round costs, and not what a row does."""

from __future__ import annotations

import gc
import time

from benchmarks.semantics.families import coins_parity, hmm_smoothing
from neurosym.grounding import ground
from neurosym.lang import parse_text

NAMES = ("parity", "hmm", "rules")


def text_of(name: str, n: int) -> str:
    """A program of n rounds.

    Args:
        name: `parity`, whether n coins show an even number of heads; `hmm`, a hidden Markov model of n steps; `rules`,
            a rule of its own for each step, all over one predicate.
    """
    if name == "rules":
        return "\n".join(["step(0).", *(f"step({k + 1}) :- step({k})." for k in range(n)), f"query(step({n}))."])
    return {"parity": coins_parity, "hmm": hmm_smoothing}[name](n, 0)


def deep(steps: int, runs: int = 3) -> dict[str, float]:
    """CPU seconds of `ground` for what the program's queries reach, the best of some runs after a first one."""
    best: dict[str, float] = {}
    for name in NAMES:
        program = parse_text(text_of(name, steps), "deep.pl", "pl")
        queries = [query.atom for query in program.queries]
        for turn in range(runs + 1):
            gc.collect()
            start = time.process_time()
            graph = ground(program, queries=queries, demand=True)
            spent = time.process_time() - start
            assert graph.rank.max() >= steps
            if turn:
                best[name] = min(spent, best.get(name, spent))
    return best | {"cpu": sum(best.values())}
