"""What rests on what in some proofs of an explanation, and the long lines in it that a view folds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from neurosym.explain.model import Explanation, Proof, RuleText, Step

LINE = 8  # facts in a row, each from the next: from here on a view tells their first, their last and how many


class Links:
    """The steps of some proofs, by the fact that they derive.

    Attributes:
        explanation: whose nodes and steps these are.
        steps: id of a derived node → positions of the steps that derive it, in the order of the proofs. Those of proofs
            of the opposite are among them.
        passed_over: ids that `below` leaves out.
    """

    def __init__(self, explanation: Explanation, proofs: Sequence[Proof], passed_over: frozenset[str] = frozenset()):
        self.explanation = explanation
        self.passed_over = passed_over
        self.steps: dict[str, list[int]] = {}
        opposed = opposing(explanation, proofs)
        own = {k for proof in proofs for k in proof.steps}
        for k in sorted(own | {k for k, step in enumerate(explanation.steps) if step.node in opposed}):
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

    def opposite(self, name: str) -> str:
        """The fact on top of the proof that a fact held to be false is so after all; empty where none is told."""
        opposite = self.explanation.nodes[name].opposite
        return opposite if opposite in self.explanation.nodes else ""

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


def opposing(explanation: Explanation, proofs: Sequence[Proof]) -> dict[str, int]:
    """The facts of the proofs of what some proofs need to be false → through how many negations they are met first.

    Those that speak against the claim are met through an odd number.
    """
    nodes, bodies = explanation.nodes, {}
    for step in explanation.steps:
        bodies.setdefault(step.node, []).extend(step.body)

    def opposites(names: Iterable[str]) -> list[str]:
        return [o for o in dict.fromkeys(nodes[n].opposite for n in names if n in nodes) if o in nodes]

    found: dict[str, int] = {}
    level, depth = opposites(name for p in proofs for k in p.steps for name in explanation.steps[k].body), 0
    level += opposites(proof.root for proof in proofs)
    while level:
        depth += 1
        stack, met = level[::-1], []
        while stack:
            name = stack.pop()
            if name in found or name not in nodes:
                continue
            found[name] = depth
            met.append(name)
            stack.extend(reversed(bodies.get(name, [])))
        level = opposites(met)
    return found


def one_node_a_fact(explanation: Explanation) -> Explanation:
    """The same explanation with one node for each fact, however many ways to derive it are shown.

    Choices stay apart: they are told at the step that makes them.
    """
    first: dict[tuple[str, str, str], str] = {}
    # Two exceptions of one rule that are held to be false read alike; what speaks for them tells them apart.
    name = {
        n.id: first.setdefault((n.kind, n.atom, n.opposite), n.id)
        for n in explanation.nodes.values() if n.kind != "choice"
    }  # fmt: skip

    def of(node: str) -> str:
        return name.get(node, node)

    nodes = {k: replace(n, opposite=of(n.opposite)) if n.opposite else n for k, n in explanation.nodes.items()}
    steps = tuple(replace(s, node=of(s.node), body=tuple(map(of, s.body))) for s in explanation.steps)
    proofs = tuple(replace(p, root=of(p.root)) for p in explanation.proofs)
    return replace(explanation, nodes=nodes, steps=steps, proofs=proofs)
