"""What speaks against the proofs of a claim: the best proof of each fact that they need to be false.

A rule behind a negation or an exception is in no proof of the claim, and may decide it all the same. So below each
negated fact that is possible stands a proof that it is so; below what that proof needs to be false, another one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import islice

from neurosym.explain.chances import Chances
from neurosym.explain.proofs import Derivation, ProofSearch, proof_probability
from neurosym.grounding import DerivationGraph


@dataclass(frozen=True)
class Told:
    """How much of what speaks against a claim is told.

    Attributes:
        most: for so many facts held to be false, the likeliest first; depth: negations one below the other.
    """

    most: int = 20
    depth: int = 3


@dataclass(frozen=True)
class Opposites:
    """Proofs of what other proofs need to be false.

    Attributes:
        proofs: negated fact → the best proof that it is so; untold: how many facts have none for lack of room.
    """

    proofs: dict[int, Derivation]
    untold: int = 0


def opposites(
    search: ProofSearch, chances: Chances, trees: Iterable[Derivation], said: Container[int], told: Told
) -> Opposites:
    """The best proof of each possible fact that some proofs need to be false, level by level.

    Args:
        search: over the part that the proofs are of; chances: knows the negated facts of that part.
        said: facts that are the word of a network, which is told where they are negated.
    """
    found: dict[int, Derivation] = {}
    walked: set[Derivation] = set()
    level, depth, untold = list(trees), 0, 0
    while level:
        asked = [f for f in _negated(level, walked) if f not in found and f not in said and _is_possible(chances, f)]
        asked.sort(key=lambda f: -chances.of(f))
        room = min(told.most - len(found), len(asked)) if depth < told.depth else 0
        untold += len(asked) - room
        level = []
        for fact in asked[:room]:
            tree = _proof(search, chances, fact)
            if tree is not None:
                found[fact] = tree
                level.append(tree)
        depth += 1
    return Opposites(found, untold)


def _negated(trees: Iterable[Derivation], walked: set[Derivation]) -> list[int]:
    """The facts that some derivations need to be false, each once; what was walked over before is left out."""
    found: set[int] = set()
    stack = list(trees)
    while stack:
        node = stack.pop()
        if node not in walked:
            walked.add(node)
            found.update(node.negated)
            stack.extend(node.children)
    return sorted(found)


def _is_possible(chances: Chances, fact: int) -> bool:
    """Whether a fact may be so, and is not just unknown, which is told where it is negated."""
    return chances.of(fact) > 0 and not chances.assumptions.bare(fact)


def _proof(search: ProofSearch, chances: Chances, fact: int) -> Derivation | None:
    """The best proof of a fact that can hold."""
    best = search.best_proof(fact)
    if best is None or _holds(search.graph, best, chances):
        return best
    return next((t for t in islice(search.proofs(fact), search.tries) if _holds(search.graph, t, chances)), None)


def _holds(graph: DerivationGraph, tree: Derivation, chances: Chances) -> bool:
    return proof_probability(graph, tree, chances.supposed) > 0


__all__ = ["Opposites", "Told", "opposites"]
