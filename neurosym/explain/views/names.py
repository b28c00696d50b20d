"""Names for the parts of an explanation that are the same wherever the parts are.

The name of a fact is a hash of its id, of what the explanation says of it and of the names of what it rests on. So two
explanations that share a part of a proof share its names when they are loaded into one graph, and where the same atom
has another probability (another sample, other evidence, other weights) it is another node: a node never says two
things.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple
from graphlib import CycleError, TopologicalSorter

from neurosym.errors import ExplanationError
from neurosym.explain.model import Explanation, Node
from neurosym.lang.terms import Iri


class Names:
    """The IRIs of one explanation's parts.

    Attributes:
        facts: node id → IRI; `firings`: one for each step; `rules`: one for each rule.
        claim, explanation: of the claim, and of the explanation, which its time is a part of.
        order: node ids, each after those it rests on, and after what speaks for its opposite.

    Raises:
        ExplanationError: NS860, a fact rests on itself, or on a node that there is not.
    """

    def __init__(self, explanation: Explanation) -> None:
        e = explanation
        self.order = bottom_up(e)
        self.rules = [_name("rule", astuple(rule)) for rule in e.rules]
        self.facts: dict[str, Iri] = {}
        firings: dict[int, Iri] = {}
        steps_of: dict[str, list[int]] = {}
        for k, step in enumerate(e.steps):
            steps_of.setdefault(step.node, []).append(k)
        for node_id in self.order:
            steps = steps_of.get(node_id, [])
            parts = {}
            for k in steps:
                step = e.steps[k]
                body = [self.facts[b].value for b in step.body]
                parts[k] = (self.rules[step.rule].value, step.because, sorted(step.substitution.items()), body)
            opposite = e.nodes[node_id].opposite
            against = (self.facts[opposite].value,) if opposite else ()
            said = (_said(e.nodes[node_id]), sorted(map(repr, parts.values())), *against)
            self.facts[node_id] = _name("fact", said)
            for k in steps:
                firings[k] = _name("firing", (self.facts[node_id].value, parts[k]))
        self.firings = [firings[k] for k in range(len(e.steps))]
        roots = sorted({self.facts[p.root].value for p in e.proofs})
        self.claim = _name("claim", (astuple(e.claim), roots, e.given))
        self.explanation = _name("explanation", e.to_json(indent=None))

    def part(self, kind: str, *of: object) -> Iri:
        """A name for something that has none of its own."""
        return _name(kind, of)


def bottom_up(explanation: Explanation) -> list[str]:
    """Node ids, each after those it rests on, and after what speaks for its opposite.

    Raises:
        ExplanationError: NS860, a fact rests on itself, or a part names one that there is not.
    """
    e = explanation
    below: dict[str, list[str]] = {name: [] for name in e.nodes}
    try:
        for step in e.steps:
            if not 0 <= step.rule < len(e.rules):
                raise KeyError(f"rule {step.rule}")
            below[step.node].extend(step.body)
        for name, node in e.nodes.items():
            if node.opposite:
                below[name].append(node.opposite)
        missing = {n for body in below.values() for n in body} | {p.root for p in e.proofs}
        if missing := missing - below.keys():
            raise KeyError(f"node {min(missing)}")
        return list(TopologicalSorter(below).static_order())
    except KeyError as error:
        raise ExplanationError(f"the explanation names {error.args[0]}, and has none", code="NS860") from None
    except CycleError as error:
        raise ExplanationError(f"in the explanation, {error.args[1][0]} rests on itself", code="NS860") from None


def _said(node: Node) -> tuple[object, ...]:
    """What is said of a node, labels aside. Its id is among it: two choices of one rule differ in nothing else."""
    neural = node.neural and (node.neural.network, node.neural.value, [astuple(r) for r in node.neural.runners_up])
    bounds = () if node.lower is None else (node.lower, node.upper)
    return node.id, node.kind, node.atom, node.triple, node.probability, node.place, neural, *bounds


def _name(kind: str, content: object) -> Iri:
    digest = hashlib.sha256(repr(content).encode("utf-8", "backslashreplace"))
    return Iri(f"urn:neurosym:{kind}:{digest.hexdigest()[:32]}")
