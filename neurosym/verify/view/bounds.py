"""What an explanation under `bounds` shows, beside the theory of its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosym.verify.logic import Logic, Settled, state
from neurosym.verify.structure import GroundProgram, fault
from neurosym.verify.view.check import Looked
from neurosym.verify.view.read import View


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
    if view.contributions:
        unchecked.append("what each rule and constraint contributes")
    if view.rules:
        unchecked.append("the rules' texts, sources and weights")
    return Looked(tuple(checked), tuple(unchecked))


__all__ = ["compare_bounds_view", "state"]
