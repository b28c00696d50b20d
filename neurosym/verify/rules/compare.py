"""The certificate and what the rules make of the facts, side by side, from the claim down."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from functools import cached_property

from neurosym.errors import ExplanationError
from neurosym.lang.ast import Program
from neurosym.lang.questions import MARK
from neurosym.verify.rules.claims import as_fact
from neurosym.verify.rules.data import Data
from neurosym.verify.rules.form import Ground, GroundAtom, Key, Leaf, Part, Pattern, Row
from neurosym.verify.rules.groundings import Groundings
from neurosym.verify.rules.names import Names
from neurosym.verify.rules.trace import Hidden, Trace, part_name
from neurosym.verify.structure import Grounding, GroundProgram, fault

Identity = Hidden | str
Core = tuple[int, str, tuple[int, ...], tuple[int, ...]]  # statement, part, body and negated facts
Absent = tuple[Identity, ...]


class Identities:
    """Facts of a certificate and facts of the program, told to be the same."""

    def __init__(self, found: GroundProgram, trace: Trace, program: Program, names: Names) -> None:
        """Reads the certificate's atoms; those of queries are found under the program's own numbers.

        Raises:
            ExplanationError: NS818 two facts are the same part of a rule.
        """
        self.found, self.trace, self.names, self.rules = found, trace, names, program.rules
        queries = {rule.label: k for k, rule in enumerate(self.rules) if rule.label.startswith(MARK)}
        pairs = list(zip(found.groundings, trace.statements, strict=True))
        self.statements = [queries.get(g.rule, s) for g, s in pairs]
        self._moved = dict(zip(trace.statements, self.statements, strict=True))
        self._of = [a if p is None else self._here(p) for a, p in zip(found.atoms, trace.facts, strict=True)]
        self._numbers = {identity: n for n, identity in enumerate(self._of)}
        self._known: dict[GroundAtom, int | None] = {}
        if len(self._numbers) < len(self._of):
            raise fault("NS818", "two facts of the certificate are the same part of a rule")

    def _here(self, hidden: Hidden) -> Hidden:
        part, arguments = hidden
        return part._replace(statement=self._moved.get(part.statement, part.statement)), arguments

    def of_text(self, atom: str) -> Identity:
        """What an atom of the certificate is, hidden or not."""
        hidden = self.trace.hidden(atom)
        return atom if hidden is None else self._here(hidden)

    def of(self, key: Key, row: Pattern) -> Identity:
        """What a fact, or a pattern, of the program is."""
        if isinstance(key, Part):
            return key, tuple("_" if n is None else self.names.spell_terms((n,))[0] for n in row)
        return self.names.spell(key, row)

    def number(self, fact: GroundAtom) -> int | None:
        """The number of a fact in the certificate; None if it is not there."""
        if fact not in self._known:  # each is asked about for every grounding that it is in
            self._known[fact] = self._numbers.get(self.of(*fact))
        return self._known[fact]

    def shown(self, fact: GroundAtom) -> str:
        """A fact for messages."""
        identity = self.of(*fact)
        if isinstance(identity, str):
            return identity
        part, arguments = identity
        return f"the {part.role} of `{self.label(part.statement)}` for ({', '.join(arguments)})"

    def label(self, statement: int) -> str:
        """The name of a statement."""
        return self.rules[statement].label if 0 <= statement < len(self.rules) else "no rule"

    def opened(self, grounding: Grounding) -> str:
        """What the grounding of an unknown atom is called."""
        leaves = [x for f in grounding.body if not isinstance(x := self._of[f], str)]
        name = leaves[0][0].role.removeprefix("unknown ").rpartition("/")[0] if len(leaves) == 1 else "nothing"
        return f"{name} is open"

    def order(self, states: Part, group: Row) -> dict[int, tuple[str, ...]]:
        """The spelled members that the certificate's chain of an aggregate takes at each position."""
        return self._orders.get((states, self.names.spell_terms(group)), {})

    @cached_property
    def _orders(self) -> dict[tuple[Part, tuple[str, ...]], dict[int, tuple[str, ...]]]:
        made: dict[tuple[Part, tuple[str, ...]], dict[int, tuple[str, ...]]] = {}
        for g in self.found.groundings:
            literals = [x for f in (*g.body, *g.negated) if not isinstance(x := self._of[f], str)]
            states = [x for x in literals if x[0].role.endswith(" so far")]
            members = [x for x in literals if x[0].role == "member"]
            if len(states) == 1 and len(members) == 1 and len(states[0][1]) >= 2:
                part, arguments = states[0]
                if arguments[-2].isdecimal() and len(arguments[-2]) < 19:
                    made.setdefault((part, arguments[:-2]), {})[int(arguments[-2])] = members[0][1]
        return made


class Comparison:
    """Walks from the claim and the observations down, and compares what each fact rests on.

    Attributes:
        leaves: number of each leaf that was met → the outcome of a choice that it is; `met`: of all facts that were.
        complete: whether also what the certificate leaves out is looked for.
    """

    def __init__(
        self, identities: Identities, data: Data, groundings: Groundings, absorbs: bool, complete: bool
    ) -> None:
        """Nothing compared yet.

        Args:
            groundings: over the source of what holds.
            absorbs: whether derivations of certain facts, and more groundings of the same facts, change nothing.
        """
        self.identities, self.data, self.groundings = identities, data, groundings
        self.normal, self.source = groundings.normal, groundings.source
        self.absorbs, self.complete = absorbs, complete
        self.found = identities.found
        self.leaves: dict[int, Leaf] = {}
        self.met: dict[int, GroundAtom] = {}
        self._by_head: dict[int, list[int]] = {}
        for number, g in enumerate(self.found.groundings):
            self._by_head.setdefault(g.head, []).append(number)

    def walk(self, roots: Sequence[tuple[int, GroundAtom]]) -> None:
        """Compare all that some facts rest on.

        Args:
            roots: numbers in the certificate, and the facts that they are.

        Raises:
            ExplanationError: NS826 to NS829, NS832, NS834.
        """
        seen = self.met = dict(roots)
        queue = deque(roots)
        while queue:
            number, fact = queue.popleft()
            for below in self._compared(number, fact):
                at = self.identities.number(below)
                assert at is not None
                if at not in seen:
                    seen[at] = below
                    queue.append((at, below))
        for number in range(len(self.found.atoms)):
            if number not in seen:
                raise fault("NS834", f"nothing that the claim rests on leads to {self.found.name(number)}")

    def status(self, fact: GroundAtom) -> bool | None:
        """Whether a fact is certain; None if it holds in no world."""
        key, row = fact
        if fact in self.groundings.leaves:
            return False
        if isinstance(key, Part) and key in self.normal.counted and key.role.endswith(" so far"):
            return self.groundings.state(key, row)
        return dict(self.source.finished(key, row)).get(row)

    # --------------------------------------------------------------------------------------------------- a fact

    def _compared(self, number: int, fact: GroundAtom) -> Iterable[GroundAtom]:
        """Compare one fact and its groundings; gives the facts that it rests on."""
        kind, status, name = self.found.kinds[number], self.status(fact), self.found.name(number)
        leaf = self.leaf(fact) if status is False else None
        if kind == "absent":
            if status is not None:
                raise fault("NS832", f"{name} is said to be absent, but it is given or can be derived")
            return ()
        if kind == "leaf" or leaf is not None:
            if leaf is None or kind != "leaf":
                raise fault("NS829", f"{name} is the outcome of no choice" if leaf is None else
                            f"{name} is the outcome of a choice, but the certificate does not say so")  # fmt: skip
            self.leaves[number] = leaf
            return ()
        if kind == "certain" and status is not True:
            raise fault("NS828", f"{name} is said to be certain, but it is neither given nor derived by certain rules")
        if self.absorbs and kind == "certain":
            return ()
        if status is None:
            raise fault("NS826", f"{name} cannot be derived")
        mine = self._derivations(fact)
        certain = status if self.absorbs else status and (not mine or self._given(fact))
        if certain != (kind == "certain"):
            raise fault("NS834", f"{name} is said to be {kind}, which it is not")
        return self.rests_on(number, mine)

    def _given(self, fact: GroundAtom) -> bool:
        key, row = fact
        return not isinstance(key, Part) and self.data.certain(key, row)

    def _derivations(self, fact: GroundAtom) -> list[Ground]:
        key, row = fact
        found = self.groundings.of(key, row)
        if not isinstance(key, Part) and key in self.normal.asked.opened and self.source.is_unknown(key, row):
            found.append(self.groundings.unknown(key, row))
        return found

    def leaf(self, fact: GroundAtom) -> Leaf | None:
        """The outcome of a choice that a possible fact is."""
        known = self.groundings.leaves.get(fact)
        key, row = fact
        if known is not None or isinstance(key, Part):
            return known
        declaration = self.normal.asked.neural.get(key)
        if declaration is None or self.data.leaf(key, row) is not None:
            return self.data.leaf(key, row)
        if declaration.values is None:
            return Leaf(("neural", key, row), 0, -1, declaration.network, "neural")
        values = [self.normal.terms.number(v) for v in declaration.values]
        if row[-1] not in values:
            return None
        return Leaf(("neural", key, row[:-1]), values.index(row[-1]), -1, declaration.network, "neural")

    # -------------------------------------------------------------------------------------------- its groundings

    def rests_on(self, number: int, mine: Sequence[Ground]) -> Iterable[GroundAtom]:
        """Compare the groundings of a fact with those that it has; gives the facts that they rest on."""
        cores: dict[Core, Counter[Absent]] = {}
        facts: dict[Core, Ground] = {}
        for ground in mine:
            core = self._core(number, ground)
            if core is not None:
                cores.setdefault(core, Counter())[self._absent(ground)] += 1
                facts[core] = ground
        theirs: dict[Core, Counter[Absent]] = {}
        for at in self._by_head.get(number, ()):
            core, absent = self._theirs(at)
            theirs.setdefault(core, Counter())[absent] += 1
            if absent not in cores.get(core, ()):
                self._refuse(at)
        for core, ground in facts.items():
            # counted, every grounding matters; else one of those that rest on the same facts is enough
            missing = cores[core] != theirs.get(core) if not self.absorbs else core not in theirs
            if missing and self.complete:
                raise self._left_out(number, ground, "")
        return [f for core in theirs for f in (*facts[core].body, *facts[core].negated)]

    def _core(self, head: int, ground: Ground) -> Core | None:
        """A grounding by the numbers of its facts."""
        numbers: list[list[int]] = []
        for side in (ground.body, ground.negated):
            numbers.append([])
            for fact in side:
                at = self.identities.number(fact)
                if at is None:
                    if self.complete:
                        raise self._left_out(head, ground, f"{self.identities.shown(fact)} is not in the certificate")
                    return None
                numbers[-1].append(at)
        return ground.statement, ground.part, tuple(sorted(numbers[0])), tuple(sorted(numbers[1]))

    def _left_out(self, head: int, ground: Ground, note: str) -> Exception:
        body = ", ".join(
            [self.identities.shown(f) for f in ground.body]
            + [f"not {self.identities.shown(f)}" for f in ground.negated]
        )
        rule = "an open predicate" if ground.statement < 0 else f"`{self.identities.label(ground.statement)}`"
        message = f"a grounding of {rule} was left out: {self.found.name(head)} also follows from {body or 'nothing'}"
        return fault("NS827", message, note)

    def _absent(self, ground: Ground) -> Absent:
        return tuple(sorted((self.identities.of(k, p) for k, p in ground.absent), key=repr))

    def _theirs(self, at: int) -> tuple[Core, Absent]:
        g, statement = self.found.groundings[at], self.identities.statements[at]
        name = self.identities.label(statement) if statement >= 0 else self.identities.opened(g)
        if name != g.rule:
            raise fault("NS826", f"grounding {at} is said to be of `{g.rule}`, but statement {statement} is `{name}`")
        absent = tuple(sorted(map(self.identities.of_text, g.absent), key=repr))
        return (statement, part_name(g.part), tuple(sorted(g.body)), tuple(sorted(g.negated))), absent

    def _refuse(self, at: int) -> None:
        """Say what is wrong with a grounding that the rules do not give."""
        g = self.found.groundings[at]
        for fact in g.body:
            if self.found.kinds[fact] == "certain" and not self.found.hidden[fact]:
                known = self._visible(self.found.atoms[fact])
                if known is not None and self.status(known) is not True:
                    name = self.found.name(fact)
                    raise fault("NS828", f"{name} is said to be certain, but it is neither given nor derived so")
        for atom in g.absent:
            known = self._visible(atom)
            if known is not None and self.status(known) is not None:
                raise fault("NS832", f"grounding {at} rests on the absence of {atom}, which is given or can be derived")
        raise fault(
            "NS826", f"grounding {at}, of {self.found.name(g.head)}, is no instance of `{g.rule}` over these facts"
        )

    def _visible(self, atom: str) -> GroundAtom | None:
        try:
            return as_fact(atom, self.identities.names, self.normal.program)
        except ExplanationError:
            return None
