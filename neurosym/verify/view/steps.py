"""The steps that are shown, laid beside what the facts follow from.

In a proof, what the engine introduced (groups, members of aggregates) is replaced by what it rests on. So the body of a
shown step is that of a derivation, with each such fact replaced by the body of one of its own derivations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from neurosym.verify.atoms import split_atom
from neurosym.verify.structure import fault
from neurosym.verify.view.read import DERIVED, LEAVES, ShownNode, ShownStep, View
from neurosym.verify.view.sources import Absent, Derivation, Fact, Source

MAX_WORK = 200_000
NEAR = 1e-6  # as far apart two probabilities may be that are the same


Agrees = Callable[[ShownStep, Derivation], bool]


class Literal(NamedTuple):
    """A fact that must hold (`+`), one that must not (`-`), or an atom that must be absent (`0`)."""

    sign: str
    what: Fact


@dataclass(frozen=True)
class Matched:
    """A step that is a derivation.

    Attributes:
        ways: the derivations that it can be, with the same literals; they differ in bindings.
        literals: what it rests on → the node that shows it.
        blind: whether more is shown than the source can tell.
    """

    ways: tuple[Derivation, ...]
    literals: dict[Literal, str]
    blind: bool


@dataclass
class Traced:
    """What the nodes and steps of an explanation are.

    Attributes:
        facts: id of a node → its fact; absent: id of a node → the atom.
        matched: position of a step → what it is; blind: positions of those that the source cannot tell.
    """

    facts: dict[str, Fact] = field(default_factory=dict)
    absent: dict[str, Absent] = field(default_factory=dict)
    matched: dict[int, Matched] = field(default_factory=dict)
    blind: set[int] = field(default_factory=set)


class Tracer:
    """Finds out what is shown, or says what is wrong with it."""

    def __init__(
        self,
        view: View,
        source: Source,
        chance: Callable[[Fact], float | None],
        agrees: Agrees,
        max_work: int = MAX_WORK,
    ) -> None:
        """Nothing found yet.

        Args:
            chance: the probability of a choice's outcome, by which firings of one rule are told apart.
            agrees: whether a derivation has the bindings that a step shows, likewise.
        """
        self.view, self.source, self.left = view, source, max_work
        self.chance, self.agrees = chance, agrees
        self.made = Traced()
        self.step_of: dict[str, int] = {}

    def trace(self) -> Traced:
        """What all nodes and steps are.

        Raises:
            ExplanationError: NS836 a node is no fact, or a step no derivation of its source.
        """
        self._visible()
        for number, step in enumerate(self.view.steps):
            kind = self.view.nodes[step.node].kind
            if kind in LEAVES[:-1] or step.node in self.step_of:
                raise fault("NS836", f"{_named(self.view.nodes[step.node])} has a step, or two, and should have none")
            self.step_of[step.node] = number
        for name, node in self.view.nodes.items():
            if node.kind in DERIVED and name not in self.step_of:
                raise fault("NS836", f"{_named(node)} is said to be derived, and no step derives it")
        waiting = deque(range(len(self.view.steps)))
        idle = 0
        while waiting and idle < len(waiting):  # results of aggregates are known by those who use them
            number = waiting.popleft()
            if self.view.steps[number].node in self.made.facts:
                self._step(number)
                idle = 0
            else:
                waiting.append(number)
                idle += 1
        self.made.blind.update(waiting)
        return self.made

    def _visible(self) -> None:
        """Find the facts of nodes that name one."""
        for name, node in self.view.nodes.items():
            negated = node.kind == "assumption" and node.atom.startswith("not ")
            if node.kind not in ("data", "neural", "derived", "assumption"):
                continue  # a member of an aggregate that must be false may be called as a fact is
            fact = self.source.named(node.atom.removeprefix("not ") if negated else node.atom)
            if fact is None:
                continue
            self.made.facts[name] = fact
            if self.source.fits(fact, node.kind) is False:
                raise fault("NS836", f"{_named(node)} is no {node.kind} fact of the certificate")

    def _step(self, number: int) -> None:
        step = self.view.steps[number]
        node = self.view.nodes[step.node]
        if node.kind not in DERIVED:
            self.made.blind.add(number)  # of a kind that this does not know
            return
        found = self.source.derivations(self.made.facts[step.node])
        if found is None:
            self.made.blind.add(number)
            return
        rule = self.view.rules[step.rule].name
        matched = self._match(step, [d for d in found if d.rule == rule and d.part != "open"])
        if matched is None:
            if self.left < 0:
                self.made.blind.add(number)
                return
            raise fault("NS836", f"{_named(node)} does not follow by `{rule}` from what is shown below it")
        self.made.matched[number] = matched
        for literal, name in matched.literals.items():
            if isinstance(literal.what, Absent):
                self.made.absent[name] = literal.what
            else:
                self.made.facts.setdefault(name, literal.what)

    # --------------------------------------------------------------------------------------------- one step

    def _match(self, step: ShownStep, among: Sequence[Derivation]) -> Matched | None:
        """The derivations that a step is; those with the same literals as the first that fits."""
        found: list[tuple[Derivation, dict[Literal, str], bool]] = []
        for derivation in among:
            for literals, blind in self._literals(derivation, step.body):
                placed = self._placed(literals, step.body, blind)
                if placed is not None:
                    found.append((derivation, placed, blind))
                    break
        if len(found) > 1:
            found = [x for x in found if self.agrees(step, x[0])] or found
        if not found:
            return None
        _, placed, blind = found[0]
        return Matched(tuple(d for d, other, _ in found if other.keys() == placed.keys()), placed, blind)

    def _literals(self, derivation: Derivation, body: Sequence[str]) -> Iterator[tuple[tuple[Literal, ...], bool]]:
        """The literals that a derivation is shown by, one way after the other; those that no node shows are given up.

        Gives with each whether it holds a fact that the source cannot take apart.
        """
        # linked lists, so that ways share what they have in common: (first, rest)
        stack: list[tuple[tuple | None, tuple | None, bool]] = [(_todo(derivation, None), None, False)]
        while stack:
            todo, done, blind = stack.pop()
            self.left -= 1
            if self.left < 0:
                return
            if todo is None:
                yield tuple(dict.fromkeys(_listed(done))), blind
                continue
            literal, rest = todo
            if literal.sign == "+" and self.source.role(literal.what) == "between":
                below = self.source.derivations(literal.what)
                if below is None:
                    stack.append((rest, done, True))
                elif below:
                    stack.extend((_todo(d, rest), done, blind) for d in below)
                else:
                    stack.append((rest, done, blind))  # where an aggregate starts to count
            elif any(self._shows(literal, self.view.nodes[name]) for name in body):
                stack.append((rest, (literal, done), blind))

    def _placed(self, literals: Sequence[Literal], body: Sequence[str], blind: bool) -> dict[Literal, str] | None:
        """Literal → the node that shows it; None where one has none, or a node shows nothing."""
        placed: dict[Literal, str] = {}
        free = dict.fromkeys(body)
        fitting = {x: [n for n in body if self._shows(x, self.view.nodes[n])] for x in literals}
        for literal, names in sorted(fitting.items(), key=lambda pair: len(pair[1])):
            if not names:
                return None
            # several firings of one rule look alike; each has a node of its own, as long as there are enough
            name = next((n for n in names if n in free), names[0])
            free.pop(name, None)
            placed[literal] = name
        # where a certain fact was taken apart further down, its own body is shown, too
        return placed if not free or blind else None

    def _shows(self, literal: Literal, node: ShownNode) -> bool:
        """Whether a node may show a literal."""
        source, what = self.source, literal.what
        if literal.sign == "0":
            assert isinstance(what, Absent)
            return node.kind == "absent" and _reads(node.atom, f"not {what.text}", what.arguments)
        atom = source.atom(what)
        if literal.sign == "-":
            if node.kind not in ("not", "assumption") or not node.atom.startswith("not "):
                return False
            if not atom and source.role(what) == "choice":
                return node.atom.startswith("not outcome ")
            described = atom or source.described(what)
            return not described or _reads(node.atom[4:], described, () if atom else source.arguments(what))
        if atom:
            return node.kind in ("data", "neural", "derived", "assumption") and node.atom == atom
        if source.role(what) == "choice":
            said = f"the rule {source.described(what)} holds here"
            if node.kind != "choice" or not _reads(node.atom, said, source.arguments(what)):
                return False
            chance = self.chance(what)
            return self.made.facts.get(node.id, what) == what and (
                chance is None or abs(chance - node.probability) <= NEAR
            )
        function, value = source.result(what)
        return node.kind == "aggregate" and _says(node.atom, function, value)


def _todo(derivation: Derivation, rest: tuple | None) -> tuple | None:
    """A derivation's literals before others."""
    found = [Literal("+", f) for f in derivation.body] + [Literal("-", f) for f in derivation.negated]
    for literal in [*found, *(Literal("0", a) for a in derivation.absent)]:
        rest = (literal, rest)
    return rest


def _listed(linked: tuple | None) -> Iterator[Literal]:
    while linked is not None:
        yield linked[0]
        linked = linked[1]


def _reads(text: str, described: str, arguments: Sequence[str]) -> bool:
    """Whether a node is called what a fact is, which may be followed by the values of variables: `… (t = ada)`."""
    if text == described or not arguments:
        return text == described
    if not text.startswith(f"{described} (") or not text.endswith(")"):
        return False
    values = [part.partition(" = ")[2] for part in split_atom(f"x{text[len(described) + 1 :]}")[1]]
    left = iter(arguments)
    return all(value in left for value in values)  # in this order


def _says(text: str, function: str, value: str) -> bool:
    """Whether `count = 3` is what is shown of an aggregate; numbers are rounded, and names are people's."""
    if not text.startswith(f"{function} = "):
        return False
    shown = text[len(function) + 3 :]
    try:
        return shown == value or shown == f"{float(value):.4g}"
    except ValueError:
        return True  # no number: a date, a name


def _named(node: ShownNode) -> str:
    return f"the {node.kind:.20} node {node.atom:.200}"


__all__ = ["Literal", "Matched", "Traced", "Tracer"]
