"""The part of a theory that can move the bounds of one atom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding.columns import expand
from neurosym.grounding.formulas import FORALL
from neurosym.lang.ast import Program
from neurosym.semantics.lnn import Settled, Theory

Mask = NDArray[np.bool_]
ASKING = "constraint "  # how the names of rules begin that scopes make


@dataclass(frozen=True)
class Connected:
    """A part of a theory from which the same bounds follow.

    Attributes:
        units: (V,) which units are in it; whole: whether it is all that is linked with the atom in any way. Else it
            ends at what has one truth value, and instances of a constraint are in it without the others.
        roots: units of constraints that are left out because each of their instances is asserted by itself.
    """

    units: Mask
    whole: bool
    roots: frozenset[int]


def connected(
    theory: Theory, settled: Settled, sample: int, atom: int, slack: float, aside: Mask
) -> Connected:  # fmt: skip
    """What is linked with an atom.

    Bounds that are given and never move pass nothing on, so the links may be cut there. That is no longer so beside a
    contradiction, which keeps others from being tightened, nor where inference was stopped before it settled: then
    nothing is cut.

    Args:
        aside: (V,) units that are left out, see `idle`.
    """
    links = _links(theory, aside)
    lower, upper = (t[:, sample].detach().numpy() for t in (settled.lower, settled.upper))
    crossed = lower > upper + 10 * slack
    roots = _split(theory, links)
    fixed = np.zeros(theory.size, bool)
    fixed[: len(theory.known)] = theory.known | theory.leaf
    fixed[theory.true_unit - 1 : theory.true_unit + 1] = True
    if settled.settled:
        inside = ~np.isin(links[0], list(roots))
        found = _reached((links[0][inside], links[1][inside]), atom, _made_of(theory, fixed), theory.size)
        above = {u for u in set(links[0][found[links[1]]].tolist()) if u in roots}
        if not (found & crossed).any() and not crossed[list(above)].any():
            return Connected(found, False, roots)
    constants = np.zeros(theory.size, bool)
    constants[theory.true_unit - 1 : theory.true_unit + 1] = True
    return Connected(_reached(links, atom, constants, theory.size), True, frozenset())


def idle(theory: Theory, program: Program) -> Mask:
    """(V,) units that say nothing: formulas that were folded away, rules that only ask networks for constraints."""
    graph, formulas, found = theory.formulas.graph, theory.formulas, np.zeros(theory.size, bool)
    found[theory.unit_of_node] = True
    found[theory.unit_of_node[formulas.below([f.root for f in formulas.formulas])]] = False
    found[: theory.true_unit + 1] = False
    rules, own = graph.program.statements, len(program.rules)
    asking = [s for s in range(own, len(rules)) if (rules[s].name or "").startswith(ASKING)]
    of = np.array([r.statement for r in graph.rules], np.int64)
    if asking and len(theory.groundings):
        chosen = np.isin(of[graph.rule[theory.groundings]], asking)
        found[theory.bodies[chosen]] = found[theory.bodies[chosen] + len(theory.bodies)] = True
        found[graph.head[theory.groundings[chosen]]] = True
    return found


def _links(theory: Theory, aside: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(e,) units, and (e,) children of theirs."""
    none = np.zeros(0, np.int64)
    above = np.concatenate([none, *(x.units[x.parent] for x in theory.layers)])
    below = np.concatenate([none, *(x.child for x in theory.layers)])
    keep = ~(aside[above] | aside[below])
    return above[keep], below[keep]


def _split(theory: Theory, links: tuple[NDArray[np.int64], NDArray[np.int64]]) -> frozenset[int]:
    """Constraints over instances that nothing else is made of: each instance is asserted as they are."""
    formulas = theory.formulas
    roots = {int(theory.unit_of_node[f.root]) for f in formulas.formulas if formulas.kind[f.root] == FORALL}
    return frozenset(roots - set(links[1][np.isin(links[1], list(roots))].tolist()))


def _reached(
    links: tuple[NDArray[np.int64], NDArray[np.int64]], start: int, fixed: Mask, size: int
) -> Mask:  # fmt: skip
    """Units that are linked with one, upwards from what is not fixed, and downwards from all that is not left out."""
    above, below = links
    up = ~fixed[below]
    source, target = np.concatenate([above, below[up]]), np.concatenate([below, above[up]])
    order = np.argsort(source, kind="stable")
    source, target = source[order], target[order]
    starts = np.searchsorted(source, np.arange(size + 1))
    seen = np.zeros(size, bool)
    seen[start] = True
    frontier = np.array([start], np.int64)
    while len(frontier):
        _, at = expand(starts[frontier], starts[frontier + 1] - starts[frontier])
        new = np.unique(target[at])
        frontier = new[~seen[new]]
        seen[frontier] = True
    return seen


def _made_of(theory: Theory, fixed: Mask) -> Mask:
    """With what is fixed also all that is made of nothing else."""
    fixed = fixed.copy()
    for layer in theory.layers:
        loose = np.bincount(layer.parent, ~fixed[layer.child], len(layer.units)) > 0
        fixed[layer.units[~loose & layer.exhaustive]] = True
    return fixed
