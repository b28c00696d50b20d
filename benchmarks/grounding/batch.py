"""A hundred thousand small groundings of their own, as one batch: additions of two numbers of two digits."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

RULES = """
number(W, N) :- digit(W, tens, T), digit(W, ones, U), N = 10 * T + U.
total(S) :- number(left, A), number(right, B), S = A + B.
"""
PLACES = (("left", "tens"), ("left", "ones"), ("right", "tens"), ("right", "ones"))


def batch(samples: int = 100_000) -> dict[str, Any]:
    """Samples a CPU second, by `ground_samples` where it is built, and one by one for comparison.

    Each sample has four facts `digit(number, place, value)` of its own and two rules that give three facts.
    """
    from neurosym.facts import FactBase
    from neurosym.grounding import ground
    from neurosym.lang import Program, Symbol

    digits = np.random.default_rng(0).integers(0, 10, (samples, len(PLACES)))
    facts = [
        [("digit", (Symbol(w), Symbol(p), int(d))) for (w, p), d in zip(PLACES, row, strict=True)] for row in digits
    ]
    program = Program.from_text(RULES, facts_predicates=[("digit", 3)])

    few = [FactBase.from_facts(f) for f in facts[:220]]
    for base in few[:20]:
        ground(program, base)
    start = time.process_time()
    for base in few[20:]:
        ground(program, base)
    result: dict[str, Any] = {"samples": samples, "one_by_one": 200 / (time.process_time() - start)}

    # ---- TO FILL IN when neurosym.grounding.samples is built: how it takes facts, and a check of the totals ----
    try:
        from neurosym.grounding.samples import ground_samples  # pyright: ignore[reportMissingImports]
    except ImportError:
        return result | {"cpu": None, "why": "neurosym.grounding.samples is not there"}
    ground_samples(program, facts[:20])  # loads what it needs
    start = time.process_time()
    ground_samples(program, facts)
    # ------------------------------------------------------------------------------------------------------------
    return result | {"cpu": time.process_time() - start}
