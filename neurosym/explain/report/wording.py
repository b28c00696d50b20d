"""What the views of an explanation have in common: numbers in words, the main reason, proofs as trees."""

from __future__ import annotations

from collections.abc import Mapping

from neurosym.explain.model import Attribution, Claim, Explanation, Node, Proof, Shares, Step
from neurosym.reasoner.priors import Credible

KIND_WORDS = {
    "derived": "follows from a rule",
    "data": "recorded",
    "neural": "seen by a network",
    "choice": "rule applies",
    "absent": "absent",
    "not": "held to be false",
    "aggregate": "counted or added up",
    "assumption": "assumed (open world)",
}
NO_REASON = "No rule, fact or network supports it."
NO_PROOF = "No rule and no constraint says more of it."

DEGREES = ("goedel", "product", "lukasiewicz", "bounds")


def kind_words(kind: str) -> str:
    """A kind of fact in words."""
    return KIND_WORDS.get(kind, kind)


def percent(value: float) -> str:
    """A probability as people read it: `87.3%`; only certainty itself is 0 or 100%."""
    if value != value:
        return "unknown"
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    if 0 < value < 0.001:
        return "under 0.1%"
    if 0.999 < value < 1:
        return "over 99.9%"
    return f"{value * 100:.1f}%"


def chance(node: Node) -> str:
    """How probable a fact is: `97.1%`, between which bounds where it rests on what is unknown, or `unknown`."""
    lower, upper = node.lower, node.upper
    if lower is None or upper is None:
        return "unknown" if node.kind == "assumption" and 0 < node.probability < 1 else percent(node.probability)
    if upper - lower <= 1e-9:
        return percent(node.probability)
    if lower <= 1e-9 and upper >= 1 - 1e-9:
        return "unknown"
    return f"{percent(lower)} – {percent(upper)}"


def end_words(explanation: Explanation, proof: Proof) -> str:
    """Which end of an interval of truth a proof is of, or that it is a single number."""
    root = explanation.nodes.get(proof.root)
    if root is None or (root.lower == root.upper and not any(s.node == root.id for s in explanation.steps)):
        return f"Exactly {percent(proof.probability)}"
    return f"At {'least' if root.upper == 1 else 'most'} {percent(proof.probability)}"


def signed(value: float) -> str:
    """A difference of probabilities in percentage points, with its sign."""
    if value == 0:
        return "±0"
    if abs(value) < 0.0005:
        return "under +0.1" if value > 0 else "under −0.1"
    return f"{value * 100:+.1f}".replace("-", "−")


def plural(count: int, noun: str) -> str:
    """A number of things: `1 step`, `1,204 steps`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def amount(claim: Claim) -> str:
    """The claim's number as it is shown large."""
    if claim.upper - claim.lower > 1e-9:
        if claim.semantics == "boolean":
            return "unknown"
        return f"{number(claim, claim.lower)} – {number(claim, claim.upper)}"
    if claim.semantics == "boolean":
        return "yes" if claim.probability > 0.5 else "no"
    return number(claim, claim.probability)


def number(claim: Claim, value: float) -> str:
    """A number of the claim's kind: a count, a degree of truth, a percentage."""
    if claim.semantics == "count":
        return f"{value:,.0f}"
    return f"{value:.3f}" if claim.semantics in DEGREES else percent(value)


def measure(claim: Claim) -> str:
    """What the claim's number is, and its credible interval where it has one."""
    return _measure(claim) + (f"; {interval(claim.credible)}" if claim.credible is not None else "")


def interval(credible: Credible) -> str:
    """A credible interval in words."""
    ends = f"{percent(credible.lower)} – {percent(credible.upper)}"
    return f"{credible.level * 100:g}% credible {ends}"


def _measure(claim: Claim) -> str:
    value = claim.probability
    if claim.method == "bounds" and claim.semantics == "boolean" and claim.upper > claim.lower:
        return "whether it follows from the rules depends on what is unknown"
    if claim.semantics == "count":
        return "derivation" if value == 1 and claim.upper == 1 else "derivations"
    if claim.semantics == "boolean":
        return "it follows from the rules" if value > 0.5 else "it does not follow from the rules"
    if claim.semantics in DEGREES:
        return "degree of truth"
    if claim.semantics == "viterbi":
        return "probability of the best proof"
    if claim.semantics == "sum-product":
        return "sum over proofs, an approximation of the probability"
    if claim.upper - claim.lower > 1e-9:
        return "the probability lies between these bounds"
    return "probability"


def sentence(text: str) -> str:
    """A text as a sentence: a capital where it starts with a word, a full stop at its end."""
    text = " ".join(text.split())
    if not text:
        return ""
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower() and len(first) > 1 and not _is_name(text):
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else text + "."


def _is_name(text: str) -> bool:
    """Whether the text begins like an atom, whose spelling matters."""
    return text.split("(", 1)[0].isidentifier() and "(" in text


def reason(step: Step, head: Node) -> str:
    """Why a step's head holds, without saying the head again."""
    because = " ".join(step.because.split())
    for label in (head.label, head.atom):
        if because.startswith(f"{label}, because "):
            return because[len(label) + len(", because ") :]
    return because


def _no_reason(explanation: Explanation) -> str:
    claim = explanation.claim
    if claim.semantics != "bounds":
        return NO_REASON
    return NO_PROOF if claim.upper > claim.lower else sentence(claim.detail)


def _because(explanation: Explanation) -> str:
    """The best proof's first telling step, or an empty string if there is no proof."""
    if not explanation.proofs:
        return ""
    proof = explanation.proofs[0]
    node = explanation.nodes.get(proof.root)
    if node is None:
        return ""
    steps = {explanation.steps[k].node: explanation.steps[k] for k in proof.steps}
    if node.id not in steps:
        return f"it is {kind_words(node.kind)}" + (f" ({node.place})" if node.place else "")
    node = telling(explanation, node, steps)
    return reason(steps[node.id], node)


def telling(explanation: Explanation, node: Node, steps: Mapping[str, Step]) -> Node:
    """The fact of the first telling step at or below a derived fact.

    A step that rests on one derived fact and nothing else only renames it; its reason is the one below.

    Args:
        steps: id of a derived node → the step that derives it.
    """
    for _ in range(len(steps)):
        body = steps[node.id].body
        below = explanation.nodes.get(body[0]) if len(body) == 1 else None
        if below is None or below.kind != "derived" or below.id not in steps:
            break
        node = below
    return node


def main_reason(explanation: Explanation) -> str:
    """The best proof's first telling step in one sentence."""
    return sentence(_because(explanation)) or _no_reason(explanation)


def numbered(explanation: Explanation) -> str:
    """The claim with its number."""
    claim = explanation.claim
    return f"{sentence(claim.label).rstrip('.')}: {amount(claim)} ({measure(claim)})"


def answer(explanation: Explanation) -> str:
    """The claim with its number and its main reason, in one sentence."""
    what = numbered(explanation)
    because = _because(explanation)
    return f"{what}, mainly because {because.rstrip('.')}." if because else f"{what}. {_no_reason(explanation)}"


def shares_words(explanation: Explanation) -> str:
    """What the Shapley shares add up to, and how they were found; an empty string where there are none."""
    shares, claim = explanation.shares, explanation.claim
    if shares is None:
        return ""
    whole = "the middle of the claim" if claim.upper - claim.lower > 1e-9 else "the claim"
    how = f"exact, from {shares.evaluations:,} evaluations"
    if shares.method == "sampled":
        how = f"estimated from {shares.evaluations:,} evaluations, drawn with seed {shares.seed}, ± one standard error"
    return (
        f"The Shapley shares add up to {signed(claim.probability - shares.baseline)} points: {whole}, "
        f"{percent(claim.probability)}, minus its baseline, {percent(shares.baseline)}, with {shares.named} ({how})."
    )


def looked_at(attribution: Attribution, most: int = 6) -> list[str]:
    """What a network's word comes from, largest parts first: `radius 24.99: +31.0`."""
    parts = [(f"{name} {value:.4g}", score) for name, value, score in (*attribution.columns, *attribution.edges)]
    parts += [(f"“{piece.strip()}”", score) for piece, score in attribution.spans if score]
    order = sorted(parts, key=lambda part: -abs(part[1]))
    return [f"{name}: {signed(score)}" for name, score in order[:most]]


def path_words(attribution: Attribution, most: int = 5) -> list[str]:
    """The paths that carried a graph network's word, best first."""
    return [
        f"{edges}: {signed(score)}; {'with those above it' if k else 'by itself'} {percent(restored)} of it"
        for k, (edges, score, restored) in enumerate(attribution.paths[:most])
    ]


def compared(attribution: Attribution) -> str:
    """What an attribution is compared with."""
    return (
        f"from {percent(attribution.baseline_probability)} to {percent(attribution.probability)}, "
        f"against {attribution.baseline}"
    )


def weight_class(score: float, attribution: Attribution) -> str:
    """How strongly a piece of a text is marked: `for1` to `for3`, `against1` to `against3`, or an empty string."""
    largest = max((abs(s) for _, s in attribution.spans), default=0.0)
    step = round(3 * abs(score) / largest) if largest else 0
    return f"{'for' if score > 0 else 'against'}{step}" if step else ""


def rest_words(shares: Shares) -> str:
    """What no shown proof uses, in words."""
    leaves = f"{shares.rest_leaves:,} uncertain {'leaf' if shares.rest_leaves == 1 else 'leaves'}"
    return f"everything else, {leaves} in no proof shown"


def shared(value: float | None, error: float | None = None) -> str:
    """A share in percentage points with its standard error; a dash where there is none."""
    if value is None:
        return "–"
    return signed(value) + (f" ± {error * 100:.1f}" if error is not None else "")


def fired_rules(explanation: Explanation) -> list[str]:
    """Names of the rules that the proofs use, in the order in which they are met."""
    used = (explanation.steps[k].rule for proof in explanation.proofs for k in proof.steps)
    return list(dict.fromkeys(explanation.rules[k].name for k in used if 0 <= k < len(explanation.rules)))
