"""Bounds: how long theories of logic take to settle, and conflicts to be found."""

from __future__ import annotations

import random
from typing import Any

import torch

from benchmarks.common.process import cpu_seconds, timed
from neurosym.lang import Program
from neurosym.reasoner import Reasoner


def chain(size: int) -> str:
    """One atom after the other, each a little less true."""
    text = "".join(f"pred p{k} open . " for k in range(size + 1)) + "constraint start weight 0.99 : p0 . "
    return text + "".join(f"constraint f{k} weight 0.9999 : p{k} implies p{k + 1} . " for k in range(size))


def random_theory(size: int, seed: int = 0) -> str:
    """Random formulas of three to five atoms, true in a hidden world."""
    rng = random.Random(seed)
    atoms = [f"p{k}" for k in range(size // 2)]
    world = {a: rng.random() < 0.5 for a in atoms}
    text = "".join(f"pred {a} open . " for a in atoms)
    for k in range(size):
        chosen = rng.sample(atoms, rng.randrange(3, 6))
        signs = [rng.random() < 0.5 for _ in chosen]
        signs[0] = world[chosen[0]]  # so that the clause holds
        clause = " or ".join(a if s else f"not {a}" for a, s in zip(chosen, signs, strict=True))
        text += f"constraint f{k} : {clause} . "
    return text + "".join(f"constraint k{a} : {a if world[a] else 'not ' + a} . " for a in atoms[::3])


def relational(size: int) -> str:
    """Ten formulas over people and their friends, with about as many instances as asked for."""
    n = max(10, size // 10)
    rng = random.Random(1)
    text = "pred smokes(p: symbol) open . pred cancer(p: symbol) open . "
    text += "".join(f"person(x{k}). friend(x{k}, x{rng.randrange(n)}). " for k in range(n))
    text += "".join(f"constraint s{k} : smokes(x{k}) . " for k in range(0, n, 9))
    text += "constraint risk weight 0.6 : person(X) and smokes(X) implies cancer(X) . "
    text += "constraint peers weight 0.9 : person(X) and friend(X, Y) and smokes(X) implies smokes(Y) . "
    return text + "constraint some : person(X) implies (exists Y: friend(X, Y) and person(Y)) ."


THEORIES = {
    "chain": (chain, ""),
    "random": (random_theory, ""),
    "relational": (relational, ""),
    "chain, in conflict": (chain, "constraint no : not p50 ."),
    "random, in conflict": (random_theory, "constraint no : not p0 . constraint yes : p0 ."),
}


def solve(name: str, size: int) -> dict[str, Any]:
    """CPU seconds of a theory's inference once it is grounded, of all before that, and of tracing a conflict in it."""
    write, plant = THEORIES[name]
    text = write(size) + plant
    query = "smokes(x0)" if name == "relational" else "p0"
    reasoner = Reasoner(Program.from_text(text), semantics="bounds")
    with torch.no_grad():
        start = cpu_seconds()
        reasoner.query(query)
        first = cpu_seconds() - start
        cpu, answers = timed(lambda: reasoner.query(query))
        start = cpu_seconds()
        found = answers.contradictions
        traced = cpu_seconds() - start
    assert answers.logic is not None
    settled = answers.logic.settled
    return {
        "cpu": cpu, "first": first, "passes": settled.rounds, "settled": settled.settled, "traced": traced,
        "units": answers.logic.inference.theory.size, "blamed": len(found[0].formulas) if found else 0,
    }  # fmt: skip
