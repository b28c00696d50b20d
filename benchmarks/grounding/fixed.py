"""What a grounding costs however small it is: ten rules over a hundred facts."""

from __future__ import annotations

import statistics
import time
from typing import Any

RULES = """
parent(X, Y) :- mother(X, Y).
parent(X, Y) :- father(X, Y).
ancestor(X, Y) :- parent(X, Y).
ancestor(X, Z) :- ancestor(X, Y), parent(Y, Z).
sibling(X, Y) :- parent(X, P), parent(Y, P), X \\= Y.
cousin(X, Y) :- parent(X, P), parent(Y, Q), sibling(P, Q).
childless(X) :- age(X, _), not parent(_, X).
gap(X, Y, D) :- parent(X, Y), age(X, A), age(Y, B), D = B - A.
children(X, N) :- age(X, _), N = count{ C : parent(C, X) }.
elder(X) :- age(X, A), A > 60.
"""


def _family() -> list[tuple[str, tuple[int, int]]]:
    """A hundred facts: 40 people with an age, and the mothers and fathers of 30 of them."""
    facts = [("age", (k, 80 - 2 * k)) for k in range(40)]
    for k in range(10, 40):
        facts += [("mother", (k, 2 * (k // 4))), ("father", (k, 2 * (k // 4) + 1))]
    return facts


def repeated(calls: int = 50) -> dict[str, Any]:
    """Median CPU seconds of a call of `ground`, after some that do not count."""
    from benchmarks.grounding import ours
    from neurosym.facts import FactBase
    from neurosym.lang import Program

    facts = FactBase.from_facts(_family())
    seconds: dict[str, float] = {}
    count = 0
    for mode in ("firings", "boolean"):
        taken = []
        for _ in range(calls + 5):
            facts = FactBase.from_facts(_family())  # anew: nothing may be kept from the call before
            program = Program.from_text(RULES, facts_predicates=facts.predicates)
            start = time.process_time()
            graph = ours.call(program, facts, mode)
            taken.append(time.process_time() - start)
            count = ours.derived(graph)
        seconds[mode] = statistics.median(taken[5:])
    return {"cpu": max(seconds.values()), "inputs": len(facts), "derived": count}


def first() -> dict[str, Any]:
    """CPU seconds of importing the grounding and of its first call, in a process that has done nothing before."""
    start = time.process_time()
    from neurosym.grounding import ground

    imported = time.process_time() - start
    from neurosym.facts import FactBase
    from neurosym.lang import Program

    facts = FactBase.from_facts(_family())
    program = Program.from_text(RULES, facts_predicates=facts.predicates)
    start = time.process_time()
    ground(program, facts)
    call = time.process_time() - start
    return {"cpu": imported + call, "imported": imported, "call": call}
