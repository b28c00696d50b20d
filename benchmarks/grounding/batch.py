"""A hundred thousand small groundings of their own, as one batch: additions of two numbers of two digits."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, SampleGraphs, Samples, ground, ground_samples
from neurosym.lang import Program, Symbol, parse_atom

RULES = """
number(W, N) :- digit(W, tens, T), digit(W, ones, U), N = 10 * T + U.
total(S) :- number(left, A), number(right, B), S = A + B.
"""
PLACES = (("left", "tens"), ("left", "ones"), ("right", "tens"), ("right", "ones"))


def batch(samples: int = 100_000) -> dict[str, Any]:
    """CPU seconds of all samples, and samples a CPU second one by one for comparison.

    Each sample has four facts `digit(number, place, value)` of its own and two rules that give three facts. Facts are
    handed over as lists of Python values, whose interning is part of the time; as arrays for comparison.
    """
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

    _ = ground_samples(program, facts[:20]).shapes  # loads what it needs
    start = time.process_time()
    graphs = ground_samples(program, facts)
    shapes = graphs.shapes
    result["cpu"] = time.process_time() - start

    start = time.process_time()
    numbers = np.repeat(np.arange(samples), len(PLACES))
    names = [np.tile(np.array(column), samples) for column in zip(*PLACES, strict=True)]
    arrays = Samples.from_columns(samples, {"digit": [numbers, *names, digits.reshape(-1)]})
    count = len(ground_samples(program, arrays).shapes)
    result["cpu_of_arrays"] = time.process_time() - start
    assert count == len(shapes)

    for number, base in enumerate(few):
        assert _atoms(graphs.graph(number)) == _atoms(ground(program, base)), f"sample {number} is another one alone"
    _check_totals(graphs, digits)
    return result | {"shapes": len(shapes)}


def _atoms(graph: DerivationGraph) -> set[str]:
    return {graph.atom(fact) for fact in range(graph.num_facts)}


def _check_totals(graphs: SampleGraphs, digits: NDArray[np.int64]) -> None:
    """Each sample has one total, that of its digits."""
    facts = graphs.matches(parse_atom("total(S)"))
    symbols = graphs.whole.symbols
    found = symbols.ints(graphs.arguments(facts, 0))
    assert (np.sort(graphs.sample[facts]) == np.arange(len(digits))).all()
    assert (found == (digits @ [10, 1, 10, 1])[graphs.sample[facts]]).all()
