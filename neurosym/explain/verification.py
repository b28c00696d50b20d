"""Explanations checked against the reasoner that they are of, as long as they live in its process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from neurosym.errors import ExplanationError
from neurosym.facts import FactBase, FactRows
from neurosym.lang.ast import Program
from neurosym.reasoner import Answers
from neurosym.verify import Given, Verification, verify_certificate

if TYPE_CHECKING:
    from neurosym.explain.model import Explanation

UNDECIDED = ("NS820", "NS822")  # neither confirmed nor refuted: a limit was reached, or there is no verifier for that


@dataclass(frozen=True)
class Origin:
    """What an explanation was made from; it is never written to a file.

    Attributes:
        program: the rules, with the queries that were asked; `facts`: the data; `evidence`: as it was given.
        weights: the learned ones, by statement; `constraints`: those of constraints, by number; `operands`: those of
            the operands of their connectives, and the biases.
        hashes: of rules, facts and weights.
    """

    program: Program
    facts: FactBase
    evidence: tuple[tuple[str, bool], ...]
    weights: Mapping[int, list[float]]
    hashes: Mapping[str, str]
    constraints: Mapping[int, float]
    operands: tuple[list[float], list[float]]


def remember(explanation: Explanation, answers: Answers) -> Explanation:
    """The explanation, which from now on knows the rules and facts that its answers were made from."""
    grounded, reasoner = answers.grounded, answers.reasoner
    assert reasoner is not None
    evidence = tuple((grounded.graph.atom(f), holds) for f, holds in answers.evidence)
    hashes = dict(explanation.certificate.hashes)  # what is written there later changes nothing here
    origin = Origin(
        reasoner.program, grounded.leaves.facts, evidence, reasoner.statement_weights(), hashes,
        reasoner.constraint_weights(), reasoner.operand_weights(),
    )  # fmt: skip
    object.__setattr__(explanation, "origin", origin)  # not a field: it is no part of what is written
    return explanation


def verify_explanation(explanation: Explanation, contributions: bool = False) -> Verification:
    """Recompute the claim, and see that what is shown is what is certified.

    Each step and sentence is checked as well, if the rules and the facts are known.

    Args:
        contributions: recompute them as well.

    Raises:
        ExplanationError: as `verify_certificate`.
    """
    claim, origin = explanation.claim, explanation.origin
    given = None
    if origin is not None:
        rows = FactRows(origin.facts)
        given = Given(
            origin.program, rows, origin.evidence, origin.weights, origin.hashes, constraints=origin.constraints,
            operands=origin.operands,
        )  # fmt: skip
    return verify_certificate(
        vars(explanation.certificate), claim.probability, expected_bounds=(claim.lower, claim.upper), given=given,
        shown=shown_of(explanation), contributions=contributions,
    )  # fmt: skip


def shown_of(explanation: Explanation) -> dict[str, Any]:
    """What an explanation shows, as plain data; `to_dict` copies its certificate as well, which takes time."""
    nodes = {name: vars(n) if n.neural is None else vars(n) | {"neural": vars(n.neural)}
             for name, n in explanation.nodes.items()}  # fmt: skip
    rows = ("steps", "rules", "proofs", "contributions")
    plain = {key: [vars(row) for row in getattr(explanation, key)] for key in rows}
    return {**vars(explanation), **plain, "claim": vars(explanation.claim), "nodes": nodes}


def checked(explanation: Explanation) -> tuple[Explanation, ExplanationError | None]:
    """Verify an explanation, and write into it what was found, so that every view of it can say so.

    Returns:
        The explanation with `verified` and `unverified`, and the verifier's objection, None where it has none.
    """
    try:
        found = verify_explanation(explanation)
    except ExplanationError as error:
        confirmed = None if error.code in UNDECIDED else ()
        return altered(explanation, verified=confirmed, unverified=(error.message,)), error
    return altered(explanation, verified=found.checked, unverified=found.unchecked + found.unlooked), None


def altered(explanation: Explanation, **changes: Any) -> Explanation:
    """An explanation with other fields, which still knows what it was made from."""
    made = replace(explanation, **changes)
    object.__setattr__(made, "origin", explanation.origin)
    return made


def check_networks(certificate: Mapping[str, Any], answers: Answers, sample: int = 0, tolerance: float = 1e-6) -> int:
    """Compare what a certificate says that networks said with what they say.

    Args:
        certificate: as plain data; `answers`: of the same claim and evidence, by a model of the same networks.

    Returns:
        How many probabilities were compared.

    Raises:
        ExplanationError: NS835 a network says otherwise, or was not asked.
    """
    graph = answers.grounded.graph
    tags = answers.leaf_tags[sample].detach().tolist()
    facts = (f for group in graph.choices if group.kind == "neural" for f in group.facts.reshape(-1).tolist())
    known = {graph.atom(f): min(1.0, max(0.0, tags[f])) for f in facts}
    compared = 0
    for choice in certificate["choices"]:
        if choice["kind"] != "neural":
            continue
        for fact, claimed in zip(choice["outcomes"], choice["probabilities"], strict=True):
            atom = certificate["facts"][fact]["atom"]
            said = known.get(atom)
            if said is None or not abs(said - claimed) <= tolerance:
                what = "was not asked" if said is None else f"says {said!r}"
                raise ExplanationError(
                    f"the network `{choice['origin']}` {what} about {atom}; the certificate has {claimed!r}",
                    code="NS835", note="the network or its input is another one, or the certificate was changed",
                    help="do not rely on this explanation; make it anew",
                )  # fmt: skip
            compared += 1
    return compared


def check_weights(certificate: Mapping[str, Any], answers: Answers) -> None:
    """See that a certificate was made with the weights of the reasoner that gave some answers.

    Raises:
        ExplanationError: NS825 it was not.
    """
    assert answers.reasoner is not None
    if certificate["hashes"]["weights"] != answers.reasoner.weights_sha256():
        raise ExplanationError(
            "the certificate was made from other weights than those of the model", code="NS825",
            help="name the model that it was made with, or make the explanation anew",
        )  # fmt: skip
