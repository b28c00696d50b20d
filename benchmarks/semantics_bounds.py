"""Bounds: how long theories of logic take to settle, and conflicts to be found.

    python -m benchmarks.semantics_bounds [--formulas 200 2000]

Prints, for each kind of theory and number of formulas: grounding, inference (the best of three), passes, and the time
to trace a contradiction that is planted in it.
"""

from __future__ import annotations

import argparse
import random
import time

import torch

import neurosym as ns


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


def measure(name: str, size: int, text: str, plant: str) -> None:
    """Print one line."""
    reasoner = ns.Reasoner(ns.Program.from_text(text + plant), semantics="bounds")
    query = "smokes(x0)" if name == "relational" else "p0"
    with torch.no_grad():
        started = time.perf_counter()
        answers = reasoner.query(query)
        first = time.perf_counter() - started
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            answers = reasoner.query(query)
            best = min(best, time.perf_counter() - started)
        started = time.perf_counter()
        found = answers.contradictions
        traced = time.perf_counter() - started
    assert answers.logic is not None
    settled = answers.logic.settled
    blamed = ", ".join(found[0].formulas) if found else "none"
    units = answers.logic.inference.theory.size
    print(
        f"{name:<11} {size:>6} {units:>8} {first - best:>10.3f} {best:>10.4f} {settled.rounds:>6} "
        f"{'yes' if settled.settled else 'no':>8} {traced:>9.3f}  {blamed[:60]}"
    )


def main() -> None:
    """Measure every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formulas", type=int, nargs="+", default=[200, 2000])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("theory      formulas  units  ground s  inference s  passes  settled  conflict s  blamed")
    for size in arguments.formulas:
        measure("chain", size, chain(size), "")
        measure("random", size, random_theory(size), "")
        measure("relational", size, relational(size), "")
        measure("chain", size, chain(size), f"constraint no : not p{min(size, 50)} .")
        measure("random", size, random_theory(size), "constraint no : not p0 . constraint yes : p0 .")


if __name__ == "__main__":
    main()
