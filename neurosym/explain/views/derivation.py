"""A ground program as a graph of facts, and a claim computed again from some of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.explain.model import CERTIFICATE_FORMAT
from neurosym.facts import Ids
from neurosym.grounding import CERTAIN
from neurosym.reasoner import Answers
from neurosym.semantics import relevant_part
from neurosym.verify import verify_certificate

Mask = NDArray[np.bool_]
NO_HASH = "0" * 64


class Derivations:
    """The whole ground program behind some answers, other answers included.

    Attributes:
        edge_index: (2, E) long, from each fact of a body to the head; `sign`: (E,) false under negation.
        names: (F,) the facts' atoms.
    """

    def __init__(self, answers: Answers, claim: int, sample: int) -> None:
        grounded = answers.grounded.proved([claim])
        self.graph, self.answers, self.claim = grounded.graph, answers, claim
        self.tags = answers.leaf_tags[sample].detach().tolist()
        self.evidence = dict(answers.evidence)
        graph = self.graph
        self.start = graph.body_start.astype(np.int64)
        self.body, self.sign = np.asarray(graph.body, np.int64), graph.sign.copy()
        heads = np.repeat(graph.head.astype(np.int64), np.diff(self.start))
        self.edge_index = np.stack([self.body, heads])
        self.names = [graph.atom(f) for f in range(graph.num_facts)]
        self.begin, self.order = graph.groundings_of()
        without = self.begin[1:] == self.begin[:-1]
        self.given = (graph.status == CERTAIN) & ((graph.place >= 0) | without)

    def relevant(self) -> tuple[Mask, Mask]:
        """(F,) and (E,): the facts that the claim and the evidence depend on, and the edges between them."""
        roots: Ids = np.array([self.claim, *self.evidence], np.int32)
        part = relevant_part(self.graph, roots, drop_certain=False)
        facts = np.zeros(self.graph.num_facts, bool)
        facts[part.facts] = True
        groundings = np.zeros(self.graph.num_groundings, bool)
        groundings[part.grounding] = True
        return facts, np.repeat(groundings, np.diff(self.start))

    def recompute(self, facts: Mask, edges: Mask) -> float:
        """The claim's probability if only some facts are known, and rules fire along some edges only.

        A rule fires if all that it rests on is there; a fact under negation that is not there, or whose edge is not,
        counts as false. An observation of a fact that is not there is no observation. Computed by `neurosym.verify`,
        which shares nothing with the engine.

        Args:
            facts: (F,); edges: (E,).

        Raises:
            ExplanationError: NS820 it takes too long; NS822 the semantics cannot be recomputed.
        """
        firing = self._firings(facts, edges)
        there = self._derivable(facts, edges, firing)
        if not there[self.claim]:
            return 0.0
        found = self._certificate(edges, there, firing)
        value = verify_certificate(found, tolerance=math.inf).value
        return min(1.0, max(0.0, value))

    def _firings(self, facts: Mask, edges: Mask) -> Mask:
        """(G,) whether a grounding's head and all its positive literals are among what is kept."""
        missing = self.sign & ~(edges & facts[self.body])
        lacking = np.zeros(self.graph.num_groundings, np.int64)
        np.add.at(lacking, np.repeat(np.arange(len(lacking)), np.diff(self.start)), missing)
        return (lacking == 0) & facts[self.graph.head]

    def _derivable(self, facts: Mask, edges: Mask, firing: Mask) -> Mask:
        """(F,) facts that can hold: given or chosen, or derived from such ones, whatever is negated."""
        there = facts & (self.given | (self.graph.choice >= 0))
        positive = np.nonzero(self.sign)[0]
        of = np.repeat(np.arange(self.graph.num_groundings), np.diff(self.start))[positive]
        waiting = np.bincount(of, minlength=self.graph.num_groundings)
        by_body = np.argsort(self.body[positive], kind="stable")
        users = of[by_body].tolist()
        begin = np.searchsorted(self.body[positive][by_body], np.arange(self.graph.num_facts + 1)).tolist()
        heads = self.graph.head.tolist()
        without_body = [heads[g] for g in np.nonzero(firing & (waiting == 0))[0].tolist()]
        there[without_body] = True
        stack = np.nonzero(there)[0].tolist()
        while stack:
            fact = stack.pop()
            for grounding in users[begin[fact] : begin[fact + 1]]:
                waiting[grounding] -= 1
                if waiting[grounding] == 0 and firing[grounding] and not there[heads[grounding]]:
                    there[heads[grounding]] = True
                    stack.append(heads[grounding])
        return there

    def _certificate(self, edges: Mask, there: Mask, firing: Mask) -> dict[str, Any]:
        """The certificate of the claim over what is there."""
        counting = self.answers.semantics in ("count", "sum-product")
        roots = [self.claim, *(f for f in self.evidence if there[f])]
        number: dict[int, int] = {}
        groundings: list[dict[str, Any]] = []
        seen: dict[tuple[Any, ...], int] = {}
        stack = list(roots)
        while stack:
            fact = stack.pop()
            if fact in number:
                continue
            number[fact] = len(number)
            if self.graph.choice[fact] >= 0 or (self.given[fact] and not counting):
                continue
            for grounding in self.order[self.begin[fact] : self.begin[fact + 1]].tolist():
                made = self._grounding(grounding, edges, there) if firing[grounding] else None
                if made is None:
                    continue
                key = (made["rule"], made["part"], fact, tuple(made["body"]), tuple(made["negated"]))
                seen[key] = seen.get(key, 0) + 1
                if seen[key] == 1 or counting:
                    groundings.append(made if seen[key] == 1 else {**made, "part": f"{made['part']} ({seen[key]})"})
                    stack += made["body"] + made["negated"]
        for made in groundings:
            made["head"] = number[made["head"]]
            made["body"], made["negated"] = ([number[f] for f in made[k]] for k in ("body", "negated"))
        return {
            "format": CERTIFICATE_FORMAT, "semantics": self.answers.semantics, "value": 0.0,
            "claim": number[self.claim],
            "facts": [{"atom": self.names[f], "kind": self._kind(f), "hidden": self._hidden(f)} for f in number],
            "choices": self._choices(number), "groundings": groundings,
            "evidence": [{"fact": number[f], "observed": v} for f, v in self.evidence.items() if f in number],
            "hashes": {"rules": NO_HASH, "facts": NO_HASH, "weights": NO_HASH},
        }  # fmt: skip

    def _grounding(self, grounding: int, edges: Mask, there: Mask) -> dict[str, Any] | None:
        """A grounding over what is there; None where a positive literal is not."""
        span = range(int(self.start[grounding]), int(self.start[grounding + 1]))
        body = [int(self.body[e]) for e in span if self.sign[e]]
        if not all(there[f] for f in body):
            return None
        negated = [int(self.body[e]) for e in span if not self.sign[e] and edges[e] and there[self.body[e]]]
        rule = self.graph.rules[self.graph.rule[grounding]]
        return {
            "rule": str(rule.statement), "part": rule.part, "head": int(self.graph.head[grounding]), "body": body,
            "negated": negated, "absent": [],
        }  # fmt: skip

    def _kind(self, fact: int) -> str:
        return "leaf" if self.graph.choice[fact] >= 0 else "certain" if self.given[fact] else "derived"

    def _hidden(self, fact: int) -> str:
        return self.graph.program.hidden.get(self.graph.key(fact), "")

    def _choices(self, number: dict[int, int]) -> list[dict[str, Any]]:
        outcomes: dict[int, list[int]] = {}
        for fact in number:
            if self.graph.choice[fact] >= 0:
                outcomes.setdefault(int(self.graph.choice[fact]), []).append(fact)
        kinds = {c: self.graph.choice_of(facts[0])[0].kind for c, facts in outcomes.items()}
        return [
            {
                "outcomes": [number[f] for f in facts],
                "probabilities": [] if kinds[c] == "open" else [min(1.0, max(0.0, self.tags[f])) for f in facts],
                "origin": str(c), "kind": kinds[c],
            }
            for c, facts in outcomes.items()
        ]  # fmt: skip
