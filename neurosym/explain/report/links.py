"""What rests on what in some proofs of an explanation, and the long lines in it that a view folds."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from neurosym.explain.model import Explanation, Proof, RuleText, Step

LINE = 8  # facts in a row, each from the next: from here on a view tells their first, their last and how many


class Links:
    """The steps of some proofs, by the fact that they derive.

    Attributes:
        explanation: whose nodes and steps these are.
        steps: id of a derived node → positions of the steps that derive it, in the order of the proofs.
        passed_over: ids that `below` leaves out.
    """

    def __init__(self, explanation: Explanation, proofs: Sequence[Proof], passed_over: frozenset[str] = frozenset()):
        self.explanation = explanation
        self.passed_over = passed_over
        self.steps: dict[str, list[int]] = {}
        for k in sorted({k for proof in proofs for k in proof.steps}):
            name = explanation.steps[k].node
            if name in explanation.nodes:
                self.steps.setdefault(name, []).append(k)
        self._below: dict[str, list[str]] = {}

    def of_step(self, number: int) -> list[str]:
        """The facts that a step rests on, each once."""
        nodes = self.explanation.nodes
        body = dict.fromkeys(self.explanation.steps[number].body)
        return [b for b in body if b in nodes and b not in self.passed_over]

    def below(self, name: str) -> list[str]:
        """The facts that a fact rests on, over all steps that derive it; none for a leaf."""
        if name not in self._below:
            found = dict.fromkeys(b for k in self.steps.get(name, ()) for b in self.of_step(k))
            found.pop(name, None)
            self._below[name] = list(found)
        return self._below[name]

    def step(self, name: str) -> Step:
        """The first step that derives a fact."""
        return self.explanation.steps[self.steps[name][0]]

    def rule(self, name: str) -> RuleText | None:
        """The rule of that step."""
        rules, number = self.explanation.rules, self.step(name).rule
        return rules[number] if 0 <= number < len(rules) else None

    def line(self, name: str, told: Container[str] = ()) -> list[str]:
        """The fact and those below it, as long as each rests on one derived fact (or on one by its own rule).

        That is what recursion leaves behind. The list is the fact alone where it rests on several, or is a leaf; it
        ends above a fact that was told elsewhere.
        """
        found = {name: None}
        while len(self.steps.get(name, ())) == 1:
            derived = [b for b in self.below(name) if b in self.steps]
            if len(derived) > 1:
                derived = [b for b in derived if self.step(b).rule == self.step(name).rule]
            if len(derived) != 1 or derived[0] in found or derived[0] in told:
                break
            name = derived[0]
            found[name] = None
        return list(found)


def one_node_a_fact(explanation: Explanation) -> Explanation:
    """The same explanation with one node for each fact, however many ways to derive it are shown.

    Choices stay apart: they are told at the step that makes them.
    """
    first: dict[tuple[str, str], str] = {}
    name = {n.id: first.setdefault((n.kind, n.atom), n.id) for n in explanation.nodes.values() if n.kind != "choice"}

    def of(node: str) -> str:
        return name.get(node, node)

    steps = tuple(replace(s, node=of(s.node), body=tuple(map(of, s.body))) for s in explanation.steps)
    proofs = tuple(replace(p, root=of(p.root)) for p in explanation.proofs)
    return replace(explanation, steps=steps, proofs=proofs)
