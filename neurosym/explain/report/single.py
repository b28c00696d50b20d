"""One explanation as a self-contained HTML page, made to be read by a clinician or a lawyer first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from neurosym.explain.model import Explanation, Node, RuleText
from neurosym.explain.report import wording as words
from neurosym.explain.report.against import evidence_against, speaks_against
from neurosym.explain.report.alternatives import reason_against
from neurosym.explain.report.branches import proof_pieces
from neurosym.explain.report.graph import draw
from neurosym.explain.report.links import opposing
from neurosym.explain.report.method import method_words, middle_words, weights_here
from neurosym.explain.report.page import environment
from neurosym.explain.report.safe import clean


def explanation_html(explanation: Explanation) -> str:
    """The explanation as a page: no network, no script; every string in it is escaped."""
    claim = explanation.claim
    trees = [(proof, proof_pieces(explanation, proof)) for proof in explanation.proofs]
    return environment().get_template("explanation.html").render(
        e=explanation,
        claim=claim,
        title=f"{words.sentence(claim.label).rstrip('.')}: {words.amount(claim)}",
        amount=words.amount(claim),
        measure=words.measure(claim),
        gauge=_gauge(explanation),
        main_reason=words.main_reason(explanation),
        speaks=speaks_against(explanation),
        against=reason_against(explanation),
        trees=[(number, proof, pieces) for number, (proof, pieces) in enumerate(trees, 1) if pieces],
        evidence=_evidence(explanation, _supporting(explanation)),
        opposed=_evidence(explanation, evidence_against(explanation)),
        bars=_bars(explanation),
        shares=explanation.shares,
        shares_words=words.shares_words(explanation),
        sloped=any(c.gradient is not None for c in explanation.contributions),
        graph=draw(explanation),
        rules=explanation.rules,
        weights_here=weights_here(explanation),
        method=method_words(claim),
        middle=middle_words(claim),
        headings=_headings(explanation),
        ends={number: words.end_words(explanation, proof) for number, (proof, _) in enumerate(trees, 1)}
        if claim.semantics == "bounds" else {},
    )  # fmt: skip


def _headings(explanation: Explanation) -> dict[int, str]:
    """Number of a proof, from 1 → what to call it: the first of its reasons that no earlier proof has.

    Two proofs of one claim mostly begin alike, and part further down.
    """
    found: dict[int, str] = {}
    told: set[str] = set()
    for number, proof in enumerate(explanation.proofs, 1):
        reasons: list[str] = []
        leaves: list[str] = []
        for step in (explanation.steps[k] for k in proof.steps):
            node = explanation.nodes.get(step.node)
            if node is not None:
                reasons.append(words.sentence(words.reason(step, node)))
            leaves += [words.sentence(explanation.nodes[b].label) for b in step.body if b in explanation.nodes]
        root = explanation.nodes.get(proof.root)
        own = [text for text in (*reasons, *leaves) if text not in told]
        found[number] = next(iter([*own, *reasons]), root.label if root is not None else "")
        told.update(reasons, leaves)
    return found


def framed_html(explanation: Explanation, height: int = 720) -> str:
    """The page in a frame, for a notebook: neither can change how the other looks, and nothing in the frame can run.

    Args:
        height: of the frame, in pixels; what is longer is scrolled.
    """
    page = escape(explanation_html(explanation))
    title = escape(clean(explanation.claim.label))
    return (
        f'<iframe title="Explanation: {title}" sandbox="" srcdoc="{page}" width="100%" height="{height}" '
        'style="border: 1px solid #8884; border-radius: 6px"></iframe>'
    )


def _gauge(explanation: Explanation) -> tuple[float, float] | None:
    """From where to where the gauge under the claim is filled, 0 to 1; None where the number is no share of 1."""
    claim = explanation.claim
    if claim.semantics in ("count", "boolean") or not 0 <= claim.probability <= 1:
        return None
    if claim.upper - claim.lower > 1e-9:
        return max(0.0, claim.lower), min(1.0, claim.upper)
    return 0.0, claim.probability


def _supporting(explanation: Explanation) -> list[str]:
    """What the proofs rest on, in the order in which they meet it; then what speaks against their opposites."""
    order = [name for proof in explanation.proofs for k in proof.steps for name in explanation.steps[k].body]
    order += [proof.root for proof in explanation.proofs]
    against = set(evidence_against(explanation))
    return order + [name for name in opposing(explanation, explanation.proofs) if name not in against]


def _evidence(explanation: Explanation, order: Sequence[str]) -> dict[str, list[Node]]:
    """Leaves by kind, in some order; a negated network's word is with the networks.

    What reads the same stands there once, as a rule that holds in several places.
    """
    groups: dict[str, list[Node]] = {kind: [] for kind in ("data", "neural", "not", "absent", "assumption", "choice")}
    written = {
        b: explanation.rules[s.rule] for s in explanation.steps if 0 <= s.rule < len(explanation.rules) for b in s.body
    }
    told: set[tuple[object, ...]] = set()
    for name in dict.fromkeys(order):
        node = explanation.nodes.get(name)
        if node is not None and node.kind in groups:
            if node.kind == "choice" and not node.place and name in written:
                node = replace(node, place=f"{written[name].file}:{written[name].line}")
            words_of = (node.kind, node.label, node.place, node.probability, node.neural)
            if words_of in told:
                continue
            told.add(words_of)
            groups["neural" if node.neural is not None else node.kind].append(node)
    return groups


def _bars(explanation: Explanation) -> list[dict[str, Any]]:
    """Each contribution with its bar: x and width in a strip from 0 to 100 whose zero line is `zero`."""
    differences = [c.difference for c in explanation.contributions]
    low, high = min([0.0, *differences]), max([0.0, *differences])
    scale = 100 / ((high - low) or 1.0)
    zero = -low * scale
    bars: list[dict[str, Any]] = []
    for contribution in explanation.contributions:
        width = max(abs(contribution.difference) * scale, 0.6)
        rule: RuleText | None = None
        if contribution.kind == "rule" and contribution.reference.isdecimal():
            index = int(contribution.reference)
            rule = explanation.rules[index] if index < len(explanation.rules) else None
        bars.append(
            {
                "c": contribution,
                "rule": rule,
                "zero": zero,
                "x": zero if contribution.difference >= 0 else zero - width,
                "width": width,
                "side": "up" if contribution.difference >= 0 else "down",
            }
        )
    return bars
