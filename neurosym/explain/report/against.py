"""What speaks against a claim, as a report tells it: in one sentence, and by the evidence that it rests on."""

from __future__ import annotations

from neurosym.explain.model import Contribution, Explanation, Node
from neurosym.explain.report.links import opposing
from neurosym.explain.report.wording import percent, sentence, telling
from neurosym.explain.words import NOT_SO

MATTERS = 0.01  # a share of 1: what takes less from the claim is left to the table


def speaks_against(explanation: Explanation) -> str:
    """What takes most from the claim, in one sentence; empty where nothing takes a percentage point.

    It is the reason of the proof that it is a part of. Where no contributions were asked for, the likeliest of what
    the best proof needs to be false is told.
    """
    if not explanation.contributions:
        denied = [n for n in _denied(explanation, 1) if 1 - n.probability >= MATTERS]
        return sentence(_reason_of(explanation, min(denied, key=lambda n: n.probability))) if denied else ""
    worst = min(explanation.contributions, key=lambda c: c.difference)
    if worst.difference > -MATTERS:
        return ""
    about = next((n for n in _denied(explanation) if _concerns(explanation, worst, n)), None)
    because = worst.name if about is None else _reason_of(explanation, about)
    return sentence(because.rstrip(".") + _without(explanation, worst))


def evidence_against(explanation: Explanation) -> list[str]:
    """Ids of the leaves that speak against a claim.

    They are met through an odd number of negations, are in none of its proofs, and add nothing to it: a member that one
    count needs to be false may make up another one.
    """
    e = explanation
    adds = {(c.kind, c.reference): c.difference for c in e.contributions}
    rule_of = {b: str(s.rule) for s in e.steps for b in s.body}
    derived = {s.node for s in e.steps}
    own = derived | {b for proof in e.proofs for k in proof.steps for b in e.steps[k].body} | {p.root for p in e.proofs}

    def takes(node: Node) -> bool:
        key = ("rule", rule_of.get(node.id, "")) if node.kind == "choice" else ("leaf", node.id)
        return adds.get(key, 0.0) <= 0

    return [n for n, depth in opposing(e, e.proofs).items() if depth % 2 and n not in own and takes(e.nodes[n])]


def _denied(explanation: Explanation, proofs: int | None = None) -> list[Node]:
    """Facts held to be false in the first so many proofs: those with reasons for the opposite, or a network's word."""
    e = explanation
    names = dict.fromkeys(b for p in e.proofs[:proofs] for k in p.steps for b in e.steps[k].body)
    found = [e.nodes[name] for name in names if name in e.nodes]
    return [n for n in found if n.kind == "not" and (n.opposite in e.nodes or n.neural is not None)]


def _concerns(explanation: Explanation, contribution: Contribution, denied: Node) -> bool:
    """Whether a rule or a leaf is a part of the reasons for the opposite of a fact held to be false."""
    if contribution.reference == denied.id:
        return True
    stack, seen = [denied.opposite], {denied.opposite}
    bodies = {s.node: s for s in explanation.steps}
    while stack:
        name = stack.pop()
        step = bodies.get(name)
        if contribution.kind == "leaf" and name == contribution.reference:
            return True
        if step is None:
            continue
        if contribution.kind == "rule" and contribution.reference == str(step.rule):
            return True
        stack += [b for b in step.body if b not in seen]
        seen.update(step.body)
    return False


def _reason_of(explanation: Explanation, denied: Node) -> str:
    """Why a fact that is held to be false may be so after all."""
    steps = {s.node: s for s in explanation.steps}
    if denied.opposite in steps:
        return steps[telling(explanation, explanation.nodes[denied.opposite], steps).id].because
    return denied.label.removeprefix(NOT_SO)


def _without(explanation: Explanation, contribution: Contribution) -> str:
    """What the claim would be without it, where that is a probability."""
    claim = explanation.claim
    if claim.upper - claim.lower > 1e-9 or claim.semantics not in ("exact", "topk"):
        return ""
    name = f"the rule {contribution.name}" if contribution.kind == "rule" else f"“{contribution.name}”"
    return f"; without {name} the claim would be {percent(contribution.without)}"


__all__ = ["evidence_against", "speaks_against"]
