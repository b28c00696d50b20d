"""Is what an explanation shows what its certificate says?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.form import TooLarge
from neurosym.verify.structure import GroundProgram, fault
from neurosym.verify.view.contributions import Recompute, Without
from neurosym.verify.view.numbers import Numbers
from neurosym.verify.view.read import ShownContribution, View
from neurosym.verify.view.sentences import NEGATED, Sentences, fitting
from neurosym.verify.view.sources import ByCertificate, ByRules, Source
from neurosym.verify.view.steps import Traced, Tracer
from neurosym.verify.view.texts import compare_rules
from neurosym.verify.view.words import Words

PLACES = "in which files and lines the facts stand"
WORDING = "the wording of facts and reasons, and the rules' texts, sources and weights"


@dataclass(frozen=True)
class Looked:
    """What was confirmed of what is shown, in words, and what was not looked at."""

    checked: tuple[str, ...]
    unchecked: tuple[str, ...]


def compare_view(
    view: View,
    certificate: Mapping[str, Any],
    found: GroundProgram,
    numbers: Numbers,
    basis: Basis | None,
    tolerance: float,
    recompute: Recompute | None = None,
    max_steps: int = 0,
) -> Looked:
    """Compare what is shown with a certificate whose number was recomputed.

    Args:
        certificate: as plain data; found: the same, read.
        basis: rules and facts that agree with the certificate, where they are known.
        recompute: the value of a program within a number of steps, if contributions are to be recomputed.

    Raises:
        ExplanationError: NS836 something else is shown.
    """
    _check_claim(view, found)
    if basis is not None and found.kinds[found.claim] != "absent":
        try:
            return _Comparison(view, found, numbers, ByRules(basis), basis, tolerance, recompute, max_steps).compare()
        except TooLarge:
            pass  # then by the certificate alone, which says what it could not look at
    by_certificate = ByCertificate(certificate, found)
    return _Comparison(view, found, numbers, by_certificate, None, tolerance, recompute, max_steps).compare()


def _check_claim(view: View, found: GroundProgram) -> None:
    if view.atom != found.atoms[found.claim]:
        raise fault("NS836", f"the claim shown is {view.atom:.200}, the certificate's is {found.atoms[found.claim]}")
    if view.semantics != found.semantics:
        raise fault("NS836", f"the semantics shown is {view.semantics:.60}, the certificate's is {found.semantics}")
    absent = found.kinds[found.claim] == "absent"  # of what was observed its certificate says nothing
    if not absent and len(view.given) != len(found.evidence):
        raise fault("NS836", f"{len(view.given)} observations are shown, the certificate has {len(found.evidence)}")
    if absent and (view.proofs or view.steps or view.nodes):
        raise fault("NS836", f"{view.atom:.200} is not derived, but proofs of it are shown")


class _Comparison:
    """One explanation beside one source of derivations."""

    def __init__(
        self, view: View, found: GroundProgram, numbers: Numbers, source: Source, basis: Basis | None,
        tolerance: float, recompute: Recompute | None, max_steps: int,
    ) -> None:  # fmt: skip
        self.view, self.found, self.numbers, self.source, self.basis = view, found, numbers, source, basis
        self.tolerance, self.recompute, self.max_steps = tolerance, recompute, max_steps
        self.checked = ["the claim that is shown is the certificate's"]
        self.unchecked: list[str] = []

    def compare(self) -> Looked:
        """Everything that can be compared."""
        words = None if self.basis is None else Words(self.basis)
        agrees = (lambda step, d: True) if words is None else partial(fitting, words)
        traced = Tracer(self.view, self.source, lambda fact: self._chance(fact, True), agrees).trace()
        if self.view.nodes:
            self._steps(traced)
            self._nodes(traced)
            self._proofs(traced)
        self._contributions(traced)
        self._wording(traced, words)
        self.unchecked += [PLACES] if any(n.place for n in self.view.nodes.values()) else []
        self.unchecked += self.view.silent
        return Looked(tuple(self.checked), tuple(self.unchecked))

    # ----------------------------------------------------------------------------------------- steps and nodes

    def _steps(self, traced: Traced) -> None:
        self.checked.append("each step that is shown is one of the certificate's, each fact one that it has")
        if traced.blind:
            self.unchecked.append(f"{len(traced.blind)} steps below what is certain")
        if any(m.blind for m in traced.matched.values()):
            self.unchecked.append("what some steps rest on beside what the certificate takes apart")

    def _nodes(self, traced: Traced) -> None:
        """Probabilities of facts.

        Raises:
            ExplanationError: NS836 one is another.
        """
        left = 0
        for name, node in self.view.nodes.items():
            if name in traced.absent:
                value: float | None = 1.0
            elif name in traced.facts:
                holds = node.kind != "not" and not (node.kind == "assumption" and node.atom.startswith("not "))
                value = self._chance(traced.facts[name], holds)
                if node.kind in ("neural", "not") and node.network:
                    self._network(traced.facts[name], node.network, node.value)
            else:
                value = None
            if value is None:
                left += 1
            elif not self._same(value, node.probability):
                raise fault("NS836", f"{node.atom:.200} is shown with {node.probability!r}, and has {value!r}")
        if left:
            self.unchecked.append(f"the probabilities of {left} facts")
        if left < len(self.view.nodes):
            self.checked.append("the probabilities that are shown of facts")

    def _chance(self, fact: Any, holds: bool) -> float | None:
        number = self.source.number(fact)
        if number is not None:
            return self.numbers.of(number, holds)
        # a fact that the certificate has no need of
        certain = self.basis is not None and self.basis.status(fact) is True
        return float(holds) if certain else None

    def _network(self, fact: Any, network: str, value: str) -> None:
        number = self.source.number(fact)
        choice = next((c for c in self.found.choices if number in c.outcomes), None)
        if choice is None:
            return
        last = self.source.atom(fact).rstrip(")").rpartition(",")[2].rpartition("(")[2]
        known = "".join(c for c in last if c.isalnum())
        if choice.origin != network or "".join(c for c in value if c.isalnum()) not in (known, "true"):
            raise fault("NS836", f"{self.source.atom(fact)} is shown as `{value:.60}` by the network `{network:.60}`")

    def _same(self, value: float, shown: float) -> bool:
        return abs(value - shown) <= self.tolerance * max(1.0, abs(value))

    # -------------------------------------------------------------------------------------------------- proofs

    def _proofs(self, traced: Traced) -> None:
        """Proofs are of the claim, hold the steps below it, and have their probabilities.

        Raises:
            ExplanationError: NS836.
        """
        step_of = {step.node: k for k, step in enumerate(self.view.steps)}
        left = 0
        for number, proof in enumerate(self.view.proofs):
            fact = traced.facts.get(proof.root)
            if fact is None or self.source.number(fact) != self.found.claim:
                raise fault(
                    "NS836", f"proof {number} is not of the claim, but of {self.view.nodes[proof.root].atom:.200}"
                )
            below = self._below(proof.root, step_of)
            if below != set(proof.steps) or len(proof.steps) != len(below):
                raise fault("NS836", f"proof {number} has other steps than those that its claim rests on")
            value = self._together(traced, proof.root, below)
            if value is None:
                left += 1
            elif not self._same(value, proof.probability):
                raise fault("NS836", f"proof {number} is shown with {proof.probability!r}, and has {value!r}")
        if left:
            self.unchecked.append(f"the probabilities of {left} proofs")
        if left < len(self.view.proofs):
            self.checked.append("the probabilities that are shown of proofs")

    def _below(self, root: str, step_of: Mapping[str, int]) -> set[int]:
        """The steps below a node.

        Raises:
            ExplanationError: NS836 one rests on itself.
        """
        done: set[str] = set()
        path: dict[str, None] = {}
        stack = [(root, False)]
        while stack:
            name, left = stack.pop()
            if left:
                path.pop(name)
                done.add(name)
                continue
            if name in path:
                raise fault("NS836", f"{self.view.nodes[name].atom:.200} is derived from itself")
            if name in done or name not in step_of or self.view.nodes[name].kind == "not":
                continue
            path[name] = None
            stack.append((name, True))
            stack.extend((b, False) for b in self.view.steps[step_of[name]].body)
        return {step_of[name] for name in done}

    def _together(self, traced: Traced, root: str, steps: set[int]) -> float | None:
        """The probability of a proof by its steps."""
        literals: dict[tuple[int, bool], None] = {}
        found = [(sign, fact, name) for k in steps if k in traced.matched
                 for (sign, fact), name in traced.matched[k].literals.items()]  # fmt: skip
        if not steps:
            found = [("+", traced.facts[root], root)]
        for sign, fact, name in found:
            kind = self.view.nodes[name].kind
            if sign == "0" or (sign == "+" and kind in ("derived", "aggregate")):
                continue
            number = self.source.number(fact)
            if kind == "assumption":
                if number is not None and self.found.evidence.get(number, True) != (sign == "+"):
                    return None
            elif number is not None:
                literals[number, sign == "+"] = None
            elif self._chance(fact, sign == "+") != 1:
                return None
        if not self._certain_below(traced, steps):
            return None
        return self.numbers.together(list(literals))

    def _certain_below(self, traced: Traced, steps: set[int]) -> bool:
        """Whether all that is shown below steps that could not be looked at is shown as certain."""
        unknown = [k for k in steps if k in traced.blind or traced.matched[k].blind]
        return all(self.view.nodes[name].probability == 1 for k in unknown for name in self.view.steps[k].body)

    # --------------------------------------------------------------------------------------------- what is said

    def _name_of(self, added: ShownContribution) -> str:
        """What contributes: a rule, or a leaf; where the proof needs the leaf to be false, the leaf all the same."""
        if added.kind == "rule":
            return self.view.rules[int(added.reference)].name
        node = self.view.nodes[added.reference]
        return node.label.removeprefix(NEGATED) if node.kind == "not" else node.label

    def _contributions(self, traced: Traced) -> None:
        if not self.view.contributions:
            return
        for added in self.view.contributions:
            known = self._name_of(added)
            if added.name != known:
                raise fault("NS836", f"`{added.name:.200}` is said to contribute, meant is `{known:.200}`")
            if not self._same(self.view.probability - added.without, added.difference):
                raise fault("NS836", f"the claim and what it is without {added.name:.200} do not differ by as much")
        if self.recompute is None:
            self.unchecked.append("what each rule and fact contributes")
            return
        done, left = Without(
            self.view, traced, self.source, self.found, self.recompute, self.max_steps
        ).compare(self.tolerance)  # fmt: skip
        if done:
            self.checked.append(f"the claim without each of {done} rules and facts")
        if left:
            self.unchecked.append(f"what {left} rules and facts contribute")

    def _wording(self, traced: Traced, words: Words | None) -> None:
        if self.basis is None or words is None or not isinstance(self.source, ByRules):
            self.unchecked.append(WORDING)
            return
        self.unchecked += Sentences(self.view, traced, self.basis, self.source, words).compare()
        self.unchecked += compare_rules(self.view.rules, self.basis)
        self.checked.append("the sentences are those of the rules and the data, the rules are shown as they stand")


__all__ = ["Looked", "compare_view"]
