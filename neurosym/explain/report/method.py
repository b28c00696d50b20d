"""How a claim was computed, and how far its rules are trusted, in words."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.explain.model import Claim, Explanation, RuleText
from neurosym.explain.report.wording import DEGREES, number, percent

HERE = 6  # values of a calculated weight that are named
_METHODS = {
    "certain": "exact: no uncertainty was involved",
    "sum-product": "exact: by sums and products of the reasons' probabilities",
    "circuit": "exact: all combinations of what is uncertain were weighed against one another",
}
_MEANINGS = {
    "exact": "the probability that the claim holds",
    "viterbi": "the probability of the best proof",
    "sum-product": "a sum over proofs, an approximation of the probability",
    "boolean": "whether the claim follows",
    "count": "how many derivations the claim has",
    "topk": "bounds on the probability, from the best proofs",
    "bounds": "bounds on the claim's truth, from rules and constraints together",
}


def method_words(claim: Claim) -> str:
    """How the number was computed, in words that say whether it is exact."""
    if claim.method == "bounds":
        return "bounds: the number lies between them for sure"
    if claim.semantics == "exact":
        return _METHODS.get(claim.method, claim.method)
    if claim.semantics in _MEANINGS:
        return _MEANINGS[claim.semantics]
    return f"the degree of truth under `{claim.semantics}`" if claim.semantics in DEGREES else claim.semantics


def middle_words(claim: Claim) -> str:
    """That contributions are told of the middle of an interval; an empty string where the claim is one number."""
    if claim.upper - claim.lower <= 1e-9:
        return ""
    if claim.semantics == "boolean":
        return "The claim is unknown, which counts as 50% here."
    return f"The claim is an interval; what is said here is of its middle, {number(claim, claim.probability)}."


def weights_here(explanation: Explanation) -> dict[int, tuple[float, ...]]:
    """For rules whose weight is calculated, what it comes to in the firings that are shown: rule → each once."""
    found: dict[int, dict[float, None]] = {}
    for step in explanation.steps:
        if 0 <= step.rule < len(explanation.rules) and explanation.rules[step.rule].given:
            nodes = (explanation.nodes[b] for b in step.body if b in explanation.nodes)
            found.setdefault(step.rule, {}).update({n.probability: None for n in nodes if n.kind == "choice"})
    return {k: tuple(sorted(values, reverse=True)) for k, values in found.items()}


def weight_words(rule: RuleText, here: Sequence[float] = ()) -> str:
    """A rule's weight, and what it was before training.

    Args:
        here: of a weight that is calculated, what it comes to; see `weights_here`.
    """
    if rule.weights:
        return "weights " + ", ".join(f"{w:.3f}" for w in rule.weights) + (", learned" if rule.learned else "")
    if rule.given:
        shown = [percent(w) for w in here[:HERE]] + (["…"] if here[HERE:] else [])
        return f"weight given by {rule.given}" + (f", here {', '.join(shown)}" if shown else "")
    if rule.weight is None:
        return "certain"
    text = f"weight {rule.weight:.3f}"
    if rule.credible is not None:
        text += f", {rule.credible.level * 100:g}% credible {rule.credible.lower:.3f} – {rule.credible.upper:.3f}"
    if rule.learned:
        text += f", learned (was {rule.initial:.3f})" if rule.initial is not None else ", learned"
    return text
