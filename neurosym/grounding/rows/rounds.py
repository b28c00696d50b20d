"""The rounds of a recursive component while they find little: its rules fired row by row.

What a round found is looked up by predicate and by constants, so that a rule whose literal cannot match costs nothing:
a hundred rules over one predicate that each wait for another constant are a hundred firings, not ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from neurosym.grounding.at_work import at_work, say_where
from neurosym.grounding.bindings import Joiner
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.conclusions import Conclusions as ByColumns
from neurosym.grounding.core import CoreAtom, CoreProgram, CoreRule, Key, Negated, Scan
from neurosym.grounding.plan import Sized, Step
from neurosym.grounding.rows.conclusions import Conclusions
from neurosym.grounding.rows.ledger import Ledger
from neurosym.grounding.rows.mirrors import Mirror, TooManyError
from neurosym.grounding.rows.steps import Body, Compiler

AFTER = 2  # rounds by columns; most recursions end before it is worth compiling their rules,
WHOLE = 8  # but with more rules than this, of which most will not match, a round by columns is dear itself
FEW, MANY = 12, 32  # facts that a round found of one predicate: up to `FEW` by rows, beyond `MANY` by columns
SENT = 0.25  # firings that had too many bindings, of all; if it were more, columns would have been the better choice
HELD, HELD_BYTES = 1 << 20, 200  # rows in mirrors, and bytes of one; then they are made anew
Numbered = tuple[int, CoreRule]
Recursive = tuple[Numbered, list[int]]  # a rule, and the positions of its literals that are in the component


@dataclass(frozen=True)
class Surroundings:
    """What an engine does for the rounds of its components.

    Attributes:
        plan: the steps of a rule that begins with some literal, given what relations look like.
        doubtful: whether a grounding of a rule may be only possible.
        look_at_clock: raises where time is up; says how far it is, after calling what it is given.
        fire: fires a rule by columns, one of its literals ranging over what the last round found.
    """

    builder: GraphBuilder
    core: CoreProgram
    joiner: Joiner
    conclusions: ByColumns
    plan: Callable[[CoreRule, int, Callable[[Key], Sized]], list[Step]]
    doubtful: Callable[[CoreRule], bool]
    look_at_clock: Callable[[CoreRule, int, Callable[[], None]], None]
    fire: Callable[[Numbered, list[int], int, Mapping[Key, int], Mapping[Key, int], int], None]


@dataclass
class _Firing:
    """A rule that begins with one of its recursive literals.

    Attributes:
        inside: positions of its recursive literals; `first`: the one that ranges over what the last round found.
        moving: mirrors of the component that the body reads; `sizes`: what they were like when it was compiled.
        joined: rows that its joins gave in the firing at work.
    """

    numbered: Numbered
    inside: list[int]
    first: int
    atom: CoreAtom
    moving: list[Mirror]
    sizes: list[int] = field(default_factory=list)
    body: Body | None = None
    conclusions: Conclusions | None = None
    joined: dict[CoreAtom, int] = field(default_factory=dict)


class Rounds:
    """The rounds of one component, from one at which columns leave off to one at which they go on."""

    def __init__(
        self, around: Surroundings, component: frozenset[Key], recursive: Sequence[Recursive], keep: bool
    ) -> None:  # fmt: skip
        """Of a component.

        Args:
            keep: whether groundings are recorded, or some of the component's facts are only possible.
        """
        self._around, self._builder, self._component, self._keep = around, around.builder, component, keep
        self._mirrors: dict[Key, Mirror] = {}
        self._grown: list[Mirror] = []  # relations of the component that found something in this round
        self._moving = {key: self._mirror(key) for key in sorted(component)}
        self._ledger = Ledger(self._builder, self._mirrors.values)
        self._compiler = Compiler(around.joiner, self._mirror, self._ledger.status)
        self._firings = [f for numbered, inside in recursive for f in self._of_rule(numbered, inside)]
        self._due: dict[Key, _Due] = {}
        for number, firing in enumerate(self._firings):
            self._due.setdefault(firing.atom.key, _Due()).add(number, firing.atom)
        self._round = 0
        self._fired = self._sent = 0
        self._left = False
        self._at_work: _Firing | None = None

    @property
    def pays(self) -> bool:
        """Whether few firings had to be left to columns."""
        return self._sent <= max(4, SENT * self._fired)

    @staticmethod
    def can(recursive: Sequence[Recursive], core: CoreProgram) -> bool:
        """Whether the rules of a component can be fired row by row."""
        for (_, rule), _ in recursive:
            keys = [x.atom.key for x in rule.body if isinstance(x, Scan | Negated)]
            if any(core.asked(key) for key in keys) or not Compiler.can(rule) or not Conclusions.can(rule):
                return False
        return True

    def _of_rule(self, numbered: Numbered, inside: list[int]) -> list[_Firing]:
        rule = numbered[1]
        atoms = [x.atom for x in rule.body if isinstance(x, Scan)]
        finished = (a.key for a in atoms if a.key not in self._component)
        if not all(self._builder.relation(key).size for key in finished):
            return []
        moving = [self._moving[a.key] for a in atoms if a.key in self._component]
        at = {p: x.atom for p in inside if isinstance(x := rule.body[p], Scan)}
        return [_Firing(numbered, inside, p, at[p], moving) for p in inside]

    def _mirror(self, key: Key) -> Mirror:
        known = self._mirrors.get(key)
        if known is None:
            grown = self._grown if key in self._component else []
            known = self._mirrors[key] = Mirror(key, self._builder.relation(key), grown)
        return known

    # -------------------------------------------------------------------------------------------------- rounds

    def run(self, before: Mapping[Key, int], rounds: int) -> tuple[dict[Key, int], int]:
        """Go on until a round finds nothing, or much.

        Args:
            before: the sizes of the component's relations before the last round; rounds: how many there were.

        Returns:
            The same, for columns to go on with; equal to the sizes now if nothing was found.
        """
        for key, mirror in self._moving.items():
            mirror.relation.frozen = None
            mirror.before = before[key]
        grown = [mirror for mirror in self._moving.values() if mirror.before < mirror.visible]
        self._round = rounds
        try:
            while grown and not self._left:
                grown = self._next(grown)
            self._write()
        except BaseException as error:
            with suppress(Exception):  # so that the note counts all of it; the first error is the one to tell
                self._ledger.write()
            say_where(error, self._where)
            raise
        return {key: min(m.before, m.visible) for key, m in self._moving.items()}, self._round

    def _next(self, grown: Sequence[Mirror]) -> list[Mirror]:
        """One round over what some relations found in the last one.

        Returns:
            The relations that found something in this one; none if columns are to go on.
        """
        self._round += 1
        numbers = self._which(grown)
        self._fired += len(numbers)
        for number in numbers:
            self._fire(self._firings[number])
        if self._ledger.full:
            self._write()
        for mirror in grown:
            mirror.before = mirror.visible
        grown, self._grown[:] = [*self._grown], []
        if not self.pays or any(mirror.size - mirror.visible > MANY for mirror in grown):
            return []
        for mirror in grown:
            mirror.begin_round()
        return grown

    def _which(self, grown: Sequence[Mirror]) -> list[int]:
        """Numbers of the firings whose first literal may match what the last round found."""
        return sorted(chain.from_iterable(self._due[m.key].of(m) for m in grown if m.key in self._due))

    def _write(self) -> None:
        self._ledger.write()
        held, memory = sum(m.held for m in self._mirrors.values()), self._builder.memory
        self._left = held > HELD or memory.used + HELD_BYTES * held > memory.limit

    def _where(self) -> str:
        firing = self._at_work
        return "" if firing is None else at_work(self._builder, *firing.numbered, firing.joined)

    # -------------------------------------------------------------------------------------------------- firings

    def _fire(self, firing: _Firing) -> None:
        """Find the groundings of a rule's body that rest on what the last round found, and add what they conclude."""
        self._at_work, rule = firing, firing.numbered[1]
        counters = self._around.joiner.evaluator.counters
        counted = dict(counters.counts)
        firing.joined.clear()
        self._around.look_at_clock(rule, self._round, self._ledger.write)
        body, conclusions = self._compiled(firing)
        table = [body.start]
        try:
            for action, atom in body.actions:
                table = action(table)
                if not table:
                    return
                if atom is not None:
                    firing.joined[atom] = len(table)
        except TooManyError:
            table = None
        if table is not None:
            conclusions.add(table, self._round, self._keep or self._around.doubtful(rule))
            return
        counters.counts = counted
        self._by_columns(firing)

    def _compiled(self, firing: _Firing) -> tuple[Body, Conclusions]:
        """The rule in the order that suits the relations as they are; see `Engine._plan`."""
        sizes = [m.size.bit_length() // 2 for m in firing.moving]
        if firing.body is None or firing.conclusions is None or firing.sizes != sizes:
            number, rule = firing.numbered
            steps = self._around.plan(rule, firing.first, self._sized)
            older = frozenset(firing.inside[: firing.inside.index(firing.first)])
            firing.body, firing.sizes = self._compiler.body(rule, steps, firing.first, older), sizes
            firing.conclusions = Conclusions(
                number, rule, firing.body, self._component, self._builder, self._ledger, self._mirror,
                self._around.conclusions,
            )  # fmt: skip
        return firing.body, firing.conclusions

    def _sized(self, key: Key) -> Sized:
        return self._mirrors.get(key) or self._builder.relation(key)

    def _by_columns(self, firing: _Firing) -> None:
        """Fire a rule that has many bindings."""
        self._sent += 1
        self._ledger.write()
        before = {key: m.before for key, m in self._moving.items()}
        known = {key: m.visible for key, m in self._moving.items()}
        for key, mirror in self._moving.items():
            mirror.relation.frozen = known[key]
        at = firing.inside.index(firing.first)
        self._around.fire(firing.numbered, firing.inside, at, before, known, self._round)
        for mirror in self._mirrors.values():
            mirror.relation.frozen = None
            mirror.absorb()


@dataclass
class _Due:
    """The firings that begin with a literal of one predicate: those that always match, others by their constants."""

    always: list[int] = field(default_factory=list)
    waiting: dict[int, dict[int, list[int]]] = field(default_factory=dict)  # place of an entry → term → numbers

    def add(self, number: int, atom: CoreAtom) -> None:
        for place, arg in enumerate(atom.args):
            if isinstance(arg, int):
                self.waiting.setdefault(2 + place, {}).setdefault(arg, []).append(number)
                return
        self.always.append(number)

    def of(self, mirror: Mirror) -> list[int]:
        """Those that may match what the last round found."""
        if not self.waiting:
            return self.always
        entries = mirror.between(mirror.before, mirror.visible)
        numbers = [*self.always]
        for place, terms in self.waiting.items():
            for term in {entry[place] for entry in entries}:
                numbers.extend(terms.get(term, ()))
        return numbers
