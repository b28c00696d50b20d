"""What an explanation under `bounds` shows, beside the theory of its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosym.verify.logic import Logic, Settled
from neurosym.verify.structure import GroundProgram, fault
from neurosym.verify.view.check import Looked
from neurosym.verify.view.read import View

TOLD = 1e-3  # what moves a bound by little is not told as a step


def compare_bounds_view(
    view: View, certificate: Mapping[str, Any], found: GroundProgram, logic: Logic, settled: Settled, tolerance: float
) -> Looked:
    """Compare what is shown with a certificate that was settled anew.

    Raises:
        ExplanationError: NS836 something else is shown.
    """
    claim = found.atoms[found.claim]
    if (view.atom, view.semantics) != (claim, found.semantics):
        raise fault(
            "NS836", f"{view.atom:.200} is shown under {view.semantics:.60}, certified is {claim} under `bounds`"
        )
    for added in view.contributions:
        if not abs(view.probability - added.without - added.difference) <= tolerance:
            raise fault("NS836", f"the claim and what it is without {added.name:.200} do not differ by as much")
    checked, unchecked = ["the claim that is shown is the certificate's"], [*view.silent]
    if view.nodes or view.proofs:
        _check_nodes(view, found, logic, settled, tolerance)
        checked.append("the bounds that are shown of facts")
        unchecked.append("that each bound follows by the step that is shown for it")
    if view.contributions:
        unchecked.append("what each rule and constraint contributes")
    if view.rules:
        unchecked.append("the rules' texts, sources and weights, and the wording of facts and reasons")
    return Looked(tuple(checked), tuple(unchecked))


def _check_nodes(view: View, found: GroundProgram, logic: Logic, settled: Settled, tolerance: float) -> None:
    """What is shown of facts is no narrower than what is so, and on top of each proof stands an end of the claim.

    Raises:
        ExplanationError: NS836.
    """
    numbers = {atom: n for n, atom in enumerate(found.atoms)}
    slack = tolerance + 10 * logic.slack
    for node in view.nodes.values():
        number = numbers.get(node.atom)
        if number is None or node.lower is None or node.upper is None:
            raise fault("NS836", f"{node.atom:.200} is shown, and is no fact of the certificate with bounds")
        lower, upper = settled.lower[number], settled.upper[number]
        wrong = node.lower > lower + slack or node.upper < upper - slack
        if wrong or not abs((node.lower + node.upper) / 2 - node.probability) <= tolerance:
            raise fault(
                "NS836", f"{node.atom:.200} is shown with {node.lower!r} to {node.upper!r}, and has {lower!r} to "
                f"{upper!r}",
            )  # fmt: skip
    if len({s.node for s in view.steps}) < len(view.steps):
        raise fault("NS836", "two steps lead to one bound")
    claimed = (settled.lower[found.claim], settled.upper[found.claim])
    for number, proof in enumerate(view.proofs):
        root = view.nodes[proof.root]
        ends = [e for e in (root.lower, root.upper) if e is not None]
        if root.atom != found.atoms[found.claim] or not any(abs(proof.probability - e) <= TOLD for e in claimed):
            raise fault("NS836", f"proof {number} is shown of {root.atom:.200} with {proof.probability!r}")
        if not any(abs(e - proof.probability) <= tolerance for e in ends):
            raise fault("NS836", f"proof {number} has {proof.probability!r}, and the bound on top of it another")


__all__ = ["compare_bounds_view"]
