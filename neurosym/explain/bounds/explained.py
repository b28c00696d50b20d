"""Explanations under `bounds`: the interval, what each constraint and rule adds to it, and what is in conflict."""

from __future__ import annotations

import time

import torch

from neurosym.explain.bounds.certificate import logic_certificate
from neurosym.explain.certificates import hashes_of, provenance
from neurosym.explain.contributions import Asked
from neurosym.explain.model import Claim, Contribution, Explanation, RuleText
from neurosym.explain.verification import remember
from neurosym.lang.ast import Constraint, Rule
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.logic import Logic
from neurosym.semantics.lnn import Element


def explain_bounds(answers: Answers, position: int, sample: int, asked: Asked) -> Explanation:
    """Why an answer has its bounds: each constraint and rule is left out in turn, and the bounds settle anew.

    Args:
        asked: seconds for that; nothing is left out where no contributions are asked for, and there is no other way.
    """
    reasoner, logic = answers.reasoner, answers.logic
    assert reasoner is not None and logic is not None
    atom = answers.atoms[position]
    value, lower, upper = (float(t[sample, position].detach()) for t in (answers.tags, answers.lower, answers.upper))
    claim = Claim(
        atom, atom, value, lower, upper, answers.semantics, answers.methods[position], answers.details[position]
    )
    warnings: list[str] = []
    if upper - lower > 1e-9:
        warnings.append("the claim is an interval of truth, and its number is the middle of it")
    warnings += [f"contradiction: {c}" for c in logic.contradictions()]
    warnings += [u.sentence() for u in answers.unheard_of if u.observed or u.atom in atom]
    rules, added, cut = [], [], 0
    if asked.methods:
        rules, added, cut = _left_out(reasoner, logic, atom, sample, value, asked.budget)
    if asked.shared:
        warnings.append("under the semantics bounds, contributions are by leave-one-out alone")
    if cut:
        warnings.append(f"{cut} constraints and rules were not left out in turn, for lack of time")
    hashes = hashes_of(answers)
    certificate = logic_certificate(answers, logic, position, _number(logic, atom), sample, hashes)
    given = tuple(e.label for e in logic.inference.theory.elements if e.kind == "evidence")
    made = Explanation(
        claim, (), {}, (), tuple(rules), tuple(added), tuple(warnings), provenance(answers, hashes), certificate, given
    )  # fmt: skip
    return remember(made, answers)


def _number(logic: Logic, atom: str) -> int | None:
    """An atom's number in the theory; None if nothing speaks of it."""
    return next((i for i in range(logic.formulas.num_atoms) if logic.formulas.spell_atom(i) == atom), None)


def _left_out(
    reasoner: Reasoner, logic: Logic, atom: str, sample: int, value: float, budget: float
) -> tuple[list[RuleText], list[Contribution], int]:
    """What makes a difference when it is left out; constraints first. Also how many were not tried."""
    unit = _number(logic, atom)
    if unit is None:
        return [], [], 0
    elements = logic.inference.theory.elements
    tried = [k for k, e in enumerate(elements) if e.kind in ("constraint", "rule")]
    rules: list[RuleText] = []
    added: list[Contribution] = []
    until = time.monotonic() + budget
    for number, k in enumerate(tried):
        if time.monotonic() > until:
            return rules, added, len(tried) - number
        active = torch.ones(len(elements), dtype=torch.bool)
        active[k] = False
        with torch.no_grad():
            tags = logic.leaf_tags[sample][None]
            settled = logic.inference(tags, logic.weights, logic.operands, active)
            without = float((settled.lower[unit, 0] + settled.upper[unit, 0]) / 2)
        if abs(value - without) > 1e-9:
            added.append(Contribution("rule", elements[k].label, str(len(rules)), without, value - without))
            rules.append(_text(reasoner, logic, elements[k]))
    order = sorted(added, key=lambda c: -abs(c.difference))
    return rules, order, 0


def _text(reasoner: Reasoner, logic: Logic, element: Element) -> RuleText:
    program = reasoner.program
    found: Rule | Constraint
    current = None
    if element.kind == "constraint":
        found = program.constraints[element.number]
        current = min(1.0, float(logic.weights[element.number].detach()))
        learned = found.weight is not None and found.weight.learn
    else:
        found = program.rules[element.number]
        learned = any(h.weight is not None and h.weight.learn for h in found.heads)
    return RuleText(
        element.label, program.text_of(found), found.span.file, found.span.line, found.source or "", current, learned
    )  # fmt: skip
