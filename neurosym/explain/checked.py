"""An explanation that says whether its certificate was verified when it was made."""

from __future__ import annotations

from dataclasses import asdict, replace

from neurosym.errors import ExplanationError
from neurosym.explain.model import Explanation
from neurosym.verify import verify_certificate

UNDECIDED = (
    "NS820",
    "NS822",
)  # a limit was reached, or the semantics cannot be verified: neither confirmed nor refuted


def checked(explanation: Explanation) -> tuple[Explanation, ExplanationError | None]:
    """Verify an explanation, and write into it what was found, so that every view of it can say so.

    Returns:
        The explanation with `verified` and `unverified`, and the verifier's objection, None where it has none.
    """
    bounds = (explanation.claim.lower, explanation.claim.upper)
    try:
        found = verify_certificate(
            asdict(explanation.certificate), expected=explanation.claim.probability, expected_bounds=bounds
        )
    except ExplanationError as error:
        confirmed = None if error.code in UNDECIDED else ()
        return replace(explanation, verified=confirmed, unverified=(error.message,)), error
    return replace(explanation, verified=found.checked, unverified=found.unchecked), None
