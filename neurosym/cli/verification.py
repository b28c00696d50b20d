"""`verify`: a certificate, alone or against rules, facts and a saved model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Json, Session

if TYPE_CHECKING:
    from neurosym.lang.ast import Program
    from neurosym.reasoner import Answers
    from neurosym.verify import Given, Verification


def verify_command(
    session: Session,
    certificate: Annotated[
        str, typer.Argument(metavar="CERTIFICATE", help="The JSON of `explain --json`, or its certificate alone.")
    ],
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", metavar="FILE", help="Rules that each step must be an instance of; may be repeated."),
    ] = None,
    facts: Annotated[
        list[str] | None,
        typer.Option("--facts", metavar="FILE", help="RDF or CSV that the leaves must be in; may be repeated."),
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            "--evidence", metavar="LITERAL", help="What was observed beside the rules' own evidence, `a` or `\\+ a`."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="DIR", help="A saved model: its networks and weights are asked again."),
    ] = None,
    contributions: Annotated[
        bool,
        typer.Option("--contributions", help="Recompute the claim without each rule and fact, too; takes longer."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Recompute a claim from its certificate, and check its steps, and that they are what is shown.

    By code that shares nothing with the engine.
    """
    from neurosym.verify import read_explanation, verify_certificate

    if rules is None and model is None and (facts or evidence):
        raise typer.BadParameter("--facts and --evidence need --rules or --model")
    read, claim, bounds, shown = read_explanation(certificate)
    answers = None if model is None else _ask(session, model, facts or [], read)
    given = _given(rules, facts or [], evidence, answers)
    found = verify_certificate(
        read, claim, expected_bounds=bounds, given=given, shown=shown, contributions=contributions
    )
    if answers is not None:
        found = _with_networks(found, read, answers)
    session.payload["semantics"] = found.semantics
    if as_json:
        session.answer(_payload(found))
        return ANSWERED
    output.show(str(found))
    for text in found.checked:
        output.show(f"  confirmed: {text}")
    for text in (*found.unchecked, *found.unlooked):
        output.show(f"  not looked at: {text}")
    return ANSWERED


def _payload(found: Verification) -> dict[str, Any]:
    lower, upper = found.bounds or (found.value, found.value)
    method = ("circuit" if found.semantics == "exact" else "algebra") if found.choices else "certain"
    row = {
        "atom": found.atom, "probability": found.value, "lower": lower, "upper": upper,
        "method": "bounds" if found.bounds else method,
        "detail": f"recomputed from the certificate; {found.claimed!r} was claimed",
    }  # fmt: skip
    return {
        "semantics": found.semantics,
        "answers": [row],
        "checked": list(found.checked),
        "unchecked": list(found.unchecked),
        "unlooked": list(found.unlooked),
    }


# ------------------------------------------------------------------------------------------------ rules and facts


def _given(
    rules: list[str] | None, facts: list[str], evidence: list[str] | None, answers: Answers | None
) -> Given | None:
    """What the certificate is checked against; None where there are neither rules nor a model."""
    from neurosym.verify import Given

    if answers is not None:
        from neurosym.facts import FactRows

        assert answers.reasoner is not None
        base = answers.grounded.leaves.facts
        program = answers.reasoner.program if rules is None else _parsed(rules, base.predicates)
        own = rules is None
        weights = answers.reasoner.statement_weights() if own else None
        constraints = answers.reasoner.constraint_weights() if own else None
        operands = answers.reasoner.operand_weights() if own else None
        return Given(program, FactRows(base), _observed(evidence), weights, constraints=constraints, operands=operands)
    if rules is None:
        return None
    plain: Any = ()
    if facts:  # reading them takes NumPy, which a check of rules alone does without
        from neurosym.cli.fact_files import load_facts
        from neurosym.facts import FactRows
        from neurosym.grounding.tables import matched

        base = load_facts(facts)
        program = _parsed(rules, base.predicates)
        plain = FactRows(matched(program, base)[0])
    else:
        program = _parsed(rules, set())
    return Given(program, plain, _observed(evidence))


def _parsed(rules: list[str], predicates: set[tuple[str, int]]) -> Program:
    from neurosym.lang import parse_files

    return parse_files(rules, predicates)


def _observed(evidence: list[str] | None) -> list[tuple[str, bool]] | None:
    """Literals that hold; None where nobody said."""
    return None if evidence is None else [(text, True) for text in evidence]


# ------------------------------------------------------------------------------------------------------- a model


def _ask(session: Session, model: str, facts: list[str], certificate: Mapping[str, Any]) -> Answers:
    """The answers of a saved model to the claim, and to what was observed."""
    from neurosym.cli.models import ask_model
    from neurosym.verify.check import MAX_FACTS, MAX_GROUNDINGS
    from neurosym.verify.structure import read_structure

    found = read_structure(certificate, MAX_FACTS, MAX_GROUNDINGS)
    return ask_model(session, model, facts, [found.atoms[k] for k in (found.claim, *found.evidence)])


def _with_networks(found: Verification, certificate: Mapping[str, Any], answers: Answers) -> Verification:
    """What was found, once networks and weights agree, too."""
    from neurosym.explain.verification import check_networks, check_weights

    check_weights(certificate, answers)
    compared = check_networks(certificate, answers)
    checked = [*found.checked, "the weights are those of the model, by their hash"]
    if compared:
        checked.append(f"what the networks say, for {compared} values")
    left = tuple(
        text for text in found.unchecked if text not in ("what the networks say", "what the learned weights are")
    )
    return replace(found, checked=tuple(checked), unchecked=left)


__all__ = ["verify_command"]
