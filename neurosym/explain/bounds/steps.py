"""The steps that set the bounds of a claim, as nodes and steps of an explanation.

A node is one bound of an atom. What lies between two atoms, the formulas that a bound passes through, is one step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from neurosym.explain.bounds.trace import End, Trace
from neurosym.explain.model import Certificate, Neural, Node, NodeKind, Proof, RuleText, Step
from neurosym.explain.words import fill
from neurosym.lang.ast import Program

MOST_STEPS = 200  # of one end of the interval


@dataclass(frozen=True)
class Speaker:
    """What an explanation calls things.

    Attributes:
        label: a fact of the certificate in words, by its number; `place`: where it stands, or an empty string.
        neural: what a network said of it, None where none did.
        rule: number of a text, of a constraint (True) or a statement's; `texts`: all of them.
    """

    program: Program
    label: Callable[[int], str]
    place: Callable[[int], str]
    neural: Callable[[int], Neural | None]
    rule: Callable[[bool, int], int]
    texts: list[RuleText]


class Told:
    """Nodes, steps and proofs of a certificate's claim.

    Attributes:
        notes: what was cut, as sentences.
    """

    def __init__(self, certificate: Certificate, speaker: Speaker) -> None:
        self.trace, self.certificate, self.speaker = Trace(certificate), certificate, speaker
        self.atoms = len(certificate.facts)
        self.nodes: dict[str, Node] = {}
        self.steps: dict[str, Step] = {}
        self.proofs: list[Proof] = []
        self.notes: list[str] = []
        claim = certificate.claim
        for least in (True, False):
            event = self.trace.last.get((claim, least), -1)
            if event >= 0 or self.trace.given((claim, least)) != (0.0 if least else 1.0):
                self._prove((claim, least), event)

    def _prove(self, end: End, event: int) -> None:
        made: dict[str, None] = {}
        root = self._node(end, event)
        todo = [(root, event)]
        while todo:
            name, at = todo.pop()
            if at < 0 or name in made:
                continue
            if len(made) >= MOST_STEPS:
                self.notes.append(f"only {MOST_STEPS} steps are told of why the claim has one of its bounds")
                break
            made[name] = None
            todo += [(n, e) for n, e in self._step(name, at) if e >= 0]
        order = {name: k for k, name in enumerate(self.steps)}
        value = self.trace.events[event].value if event >= 0 else self.trace.given(end)
        self.proofs.append(Proof(value, root, tuple(order[n] for n in made)))

    # --------------------------------------------------------------------------------------------------- nodes

    def _node(self, end: End, event: int) -> str:
        """The node of a bound of an atom."""
        fact = self.certificate.facts[end[0]]
        value = self.trace.events[event].value if event >= 0 else self.trace.given(end)
        name = hashlib.sha256(f"{fact['atom']} {end[1]} {value!r}".encode()).hexdigest()[:16]
        if name in self.nodes:
            return name
        lower, upper = (value, 1.0) if end[1] else (0.0, value)
        kind: NodeKind = "derived"
        if event < 0:
            kind = self._kind(end[0])
            if kind in ("data", "neural", "choice") and end[0] not in self.trace.found.evidence:
                lower = upper = value
        place, neural = "", None
        if event < 0:
            observed = end[0] in self.trace.found.evidence
            place = "observed" if observed else self.speaker.place(end[0])
            neural = self.speaker.neural(end[0]) if kind == "neural" else None
        middle = (lower + upper) / 2
        label = self.speaker.label(end[0])
        self.nodes[name] = Node(name, kind, fact["atom"], label, middle, place, neural, lower=lower, upper=upper)
        return name

    def _kind(self, fact: int) -> NodeKind:
        if self.speaker.neural(fact) is not None:
            return "neural"
        row = self.certificate.facts[fact]
        return "choice" if row["kind"] == "leaf" and row["hidden"] else "absent" if row["kind"] == "absent" else "data"

    # --------------------------------------------------------------------------------------------------- steps

    def _step(self, name: str, event: int) -> list[tuple[str, int]]:
        """Add the step that set a bound; gives the nodes that it rests on, with what set these."""
        ends, units = self._below(event)
        body = [(self._node(e, at), at) for e, at in ends]
        if name not in self.steps:
            sources = [s for u in units for s in self._sources(u)] or [("", -1, {}, "what is given")]
            because, rule, values, _ = sources[0]
            whole = " and ".join([*dict.fromkeys(s[3] for s in sources), *(self._told(e, at) for e, at in ends)])
            atom = self.speaker.label(self.trace.events[event].end[0])
            many = len(sources) + len(ends) > 1
            said = f"{whole} keep{'' if many else 's'} {atom} at {self._range(event)}"
            said = f"{because}: {said}" if because else said
            self.steps[name] = Step(name, max(rule, 0), tuple(n for n, _ in body), said, values)
        return body

    def _below(self, event: int) -> tuple[list[tuple[End, int]], list[int]]:
        """The bounds of atoms that an event rests on, and the units on the way whose bounds were given."""
        ends: dict[tuple[End, int], None] = {}
        units: dict[int, None] = {}
        seen: set[int] = set()
        todo = [event]
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            for end, below in self.trace.events[at].rests:
                if end[0] < self.atoms:
                    ends[end, below] = None
                elif below >= 0:
                    todo.append(below)
                else:
                    units[end[0]] = None
        return list(ends), list(units)

    def _sources(self, unit: int) -> list[tuple[str, int, dict[str, str], str]]:
        """What asserts a unit: its author's sentence, the number of its text, its values, and what it is called."""
        speaker, program = self.speaker, self.speaker.program
        found: list[tuple[str, int, dict[str, str], str]] = []
        for row in self.trace.logic.asserted:
            if row.unit == unit:
                constraint = program.constraints[row.constraint]
                because = fill(constraint.because, row.instance) if constraint.because and row.instance else ""
                number = speaker.rule(True, row.constraint)
                found.append(
                    (because, number, dict(row.instance or {}), _called(speaker.texts[number].name, row.least))
                )
        if unit in self.trace.network.rules:
            grounding = self.certificate.groundings[self.trace.network.rules[unit]]
            number = speaker.rule(False, grounding["statement"])
            found.append(("", number, {}, _called(f"rule {grounding['rule']}", self.trace.lower[unit])))
        if unit in self.trace.network.closed:
            head = self.trace.network.closed[unit]
            rule = next(g["statement"] for g in self.certificate.groundings if g["head"] == head)
            whole = f"that nothing but its rules makes {speaker.label(head)} true"
            found.append(("", speaker.rule(False, rule), {}, whole))
        return found

    def _told(self, end: End, event: int) -> str:
        label = self.speaker.label(end[0])
        value = self.trace.events[event].value if event >= 0 else self.trace.given(end)
        fixed = event < 0 and self.trace.lower[end[0]] == self.trace.upper[end[0]]
        return f"{label} {'=' if fixed else '≥' if end[1] else '≤'} {value:.4g}"

    def _range(self, event: int) -> str:
        (_, least), value = self.trace.events[event].end, self.trace.events[event].value
        return f"{value:.4g}" + ("" if value == float(least) else " or more" if least else " or less")


def _called(label: str, weight: float) -> str:
    name = label.removeprefix("constraint ").removeprefix("rule ")
    return f"`{name}`" + (f" (weight {weight:.4g})" if weight < 1 else "")


__all__ = ["Speaker", "Told"]
