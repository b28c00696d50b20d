"""The single changes among which smallest sets are looked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from neurosym.explain.alternatives import Move
from neurosym.explain.changes.clock import Clock
from neurosym.explain.changes.logic import everything
from neurosym.explain.changes.reach import Domains, Pattern, reachable, stored_as
from neurosym.explain.changes.setting import Args, Ground, Record, Setting, TextFact
from neurosym.explain.changes.thresholds import Thresholds
from neurosym.grounding.core import CoreAtom, Key


@dataclass(frozen=True, eq=False)
class Candidate:
    """A move, and what it does.

    Attributes:
        slot: moves of one slot exclude one another.
        off: the fact that no longer holds; `on`: the one that does, for sure; None for neither.
        distance: see `Change`.
    """

    move: Move
    slot: Ground
    distance: float
    off: Ground | None = None
    on: Ground | None = None


@dataclass
class Candidates:
    """All moves, and the records of the facts that they take away.

    Attributes:
        notes: what was left out.
    """

    moves: list[Candidate] = field(default_factory=list)
    records: dict[Ground, Record] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def candidates(
    setting: Setting, changeable: Sequence[CoreAtom], added: Iterable[CoreAtom], kinds: Iterable[str], most: int,
    clock: Clock,
) -> Candidates:  # fmt: skip
    """The moves that are allowed and can matter.

    Args:
        changeable: patterns of facts that may be removed, added or moved.
        added: atoms that may be added beside those; `kinds`: which kinds of moves are allowed.
        most: moves; those beyond are left out, and those that are not found in time.
    """
    return _Finder(setting, most, clock).find(changeable, list(added), frozenset(kinds))


class _Finder:
    def __init__(self, setting: Setting, most: int, clock: Clock) -> None:
        self.setting, self.most, self.clock = setting, most, clock
        self._full = False  # something found no room among the moves, so that nothing more is looked for
        self._rows_of: dict[Key, set[tuple[int, ...]]] = {}  # tables of the fact base that were searched
        self.claim = setting.ground(setting.atom)
        self.found = Candidates()
        self.domains = Domains(setting)
        roots = [setting.pattern(setting.atom)]
        graph = setting.answers.grounded.graph
        roots += [setting.pattern(graph.ground_atom(fact)) for fact, _ in setting.answers.evidence]
        roots += [setting.pattern(a) for a in setting.reasoner.read_by_networks()]
        if setting.answers.logic is not None:
            roots = everything(setting)
        self.matters = reachable(setting.core.rules, roots)

    def find(self, changeable: Sequence[CoreAtom], added: list[CoreAtom], kinds: frozenset[str]) -> Candidates:
        recorded: dict[Ground, Record] = {}
        for pattern in changeable:
            for ground, record in self._recorded(pattern):
                recorded.setdefault(ground, record)
        for ground, record in recorded.items():
            if self._ended():
                break
            self.found.records[ground] = record
            if "remove" in kinds:
                self._put("remove", ground, 1.0, off=ground)
            if not record.certain and "add" in kinds and ground != self.claim:
                self._put("add", ground, 1.0, on=ground)
        if "value" in kinds:
            self._values(changeable, recorded)
        if "add" in kinds:
            new = (g for p in changeable for g in self._atoms(p))
            self._add(dict.fromkeys(new), recorded)
        given = [(a.key, tuple(x for x in a.args if isinstance(x, int))) for a in added]
        self._add(dict.fromkeys(given), recorded)
        return self.found

    # -------------------------------------------------------------------------------------------------- moves

    def _put(
        self, kind: str, slot: Ground, distance: float, off: Ground | None = None, on: Ground | None = None
    ) -> None:
        if len(self.found.moves) >= self.most:
            self._full = True
            self._cut()
            return
        what = self.setting.spell(slot)
        by, to = None, ""
        if kind == "value":
            assert on is not None
            new, old = _moved(self.setting, slot, on)
            to, by = self.setting.spell(on), new - old
        label = self._label(kind, slot, on)
        move = Move(kind, what, label, to, by)  # pyright: ignore[reportArgumentType] - a kind
        self.found.moves.append(Candidate(move, slot, distance, off, on))

    def _ended(self) -> bool:
        return self._full or self.clock.spent()

    def _label(self, kind: str, slot: Ground, on: Ground | None) -> str:
        """The move as a sentence that can stand after "if"."""
        setting = self.setting
        words = setting.sentence(slot)
        if kind == "value":
            assert on is not None
            new = setting.sentence(on)
            if words is None or new is None:
                return f"{setting.spell(slot)} becomes {setting.spell(on)}"
            return f"{new} (recorded: {setting.words.value(_moved(setting, slot, on)[1])})"
        if kind == "remove":
            return f"{setting.spell(slot)} is not so" if words is None else f"it is not so that {words}"
        if words is None:
            return f"{setting.spell(slot)} is so"
        return f"{words} ({'recorded as uncertain' if slot in self.found.records else 'recorded nowhere'})"

    def _cut(self) -> None:
        note = f"only {self.most} changes were considered; name fewer changeable facts, or raise max_candidates"
        if note not in self.found.notes:
            self.found.notes.append(note)

    def _add(self, new: Iterable[Ground], recorded: dict[Ground, Record]) -> None:
        there = {c.on for c in self.found.moves if c.move.kind == "add"}
        for ground in new:
            if self._ended():
                return
            if ground == self.claim or ground in there or not self._matters(ground):
                continue
            known = recorded.get(ground) or self._record(ground)
            if known is None or not known.certain:
                if known is not None:
                    self.found.records[ground] = known
                self._put("add", ground, 1.0, on=ground)

    def _values(self, changeable: Sequence[CoreAtom], recorded: dict[Ground, Record]) -> None:
        thresholds = Thresholds(self.setting, self.domains, self.clock)
        symbols = self.setting.normal.symbols
        for ground, record in recorded.items():
            if self._ended():
                return
            (key, args) = ground
            if any(t.weight is not None for t in record.texts):
                continue  # an uncertain number: another value would have to take its probability along
            for place, index in enumerate(args):
                old = symbols.value(index)
                blank = any(_fits(p, ground) and p.args[place] is None for p in changeable)
                if not blank or isinstance(old, bool) or not isinstance(old, int | float):
                    continue
                allowed = self._allowed(key, place)
                for new in thresholds.across((key, place), old):
                    if allowed is not None and new not in allowed:
                        continue
                    moved = (key, (*args[:place], symbols.intern(new), *args[place + 1 :]))
                    there = self._record(moved)
                    if there is None and moved != self.claim:
                        self._put("value", ground, abs(new - old) / (abs(old) or 1.0), off=ground, on=moved)

    def _allowed(self, key: Key, place: int) -> tuple | None:
        """The values that a declaration allows at an argument; None where any."""
        declaration = self.setting.program.declarations.get(key)
        return None if declaration is None else declaration.args[place].type.values or None

    # ------------------------------------------------------------------------------------------------ records

    def _matters(self, ground: Ground) -> bool:
        return any(_fits(CoreAtom(ground[0], p), ground) for p in self.matters.get(ground[0], ()))

    def _recorded(self, pattern: CoreAtom) -> Iterator[tuple[Ground, Record]]:
        """The recorded facts that fit a pattern and can matter."""
        found: dict[Ground, Record] = {}
        for reached in sorted(self.matters.get(pattern.key, ()), key=str):
            both = _met(pattern.args, reached)
            if both is not None:
                for ground, record in self._rows(CoreAtom(pattern.key, both)):
                    found.setdefault(ground, record)
        yield from found.items()

    def _rows(self, pattern: CoreAtom) -> Iterator[tuple[Ground, Record]]:
        for ground in self.setting.text_facts:
            if _fits(pattern, ground):
                record = self._record(ground)
                assert record is not None
                yield ground, record
        for stored, template in stored_as(self.setting, pattern.key):
            rows = self.setting.base.tables[stored].rows
            keep = np.ones(len(rows), bool)
            for arg, wanted in zip(template.args, pattern.args, strict=True):
                if isinstance(arg, str) and wanted is not None:
                    keep &= rows[:, int(arg)] == wanted
                elif isinstance(arg, int) and wanted is not None:
                    keep &= arg == wanted
            for row in rows[np.nonzero(keep)[0][: self.most + 1]].tolist():
                args = tuple(row[int(a)] if isinstance(a, str) else a for a in template.args)
                yield (pattern.key, args), self._stored(stored, row)  # pyright: ignore[reportReturnType]

    def _record(self, ground: Ground) -> Record | None:
        """Where a fact is recorded, if it is."""
        texts = tuple(self.setting.text_facts.get(ground, ()))
        key, args = ground
        for stored, template in stored_as(self.setting, key):
            row = [-1] * stored[1]
            fits = True
            for arg, value in zip(template.args, args, strict=True):
                if isinstance(arg, str):
                    row[int(arg)] = value
                else:
                    fits &= arg == value
            if fits and tuple(row) in self._table(stored):
                return self._stored(stored, row, texts)
        return Record(None, texts) if texts else None

    def _stored(self, stored: Key, row: Sequence[int], texts: tuple[TextFact, ...] = ()) -> Record:
        return Record((stored[0], tuple(self.setting.normal.symbols.values(row))), texts)

    def _table(self, stored: Key) -> set[tuple[int, ...]]:
        """The rows of a table of the fact base."""
        if stored not in self._rows_of:
            self._rows_of[stored] = set(map(tuple, self.setting.base.tables[stored].rows.tolist()))
        return self._rows_of[stored]

    def _atoms(self, pattern: CoreAtom) -> Iterator[Ground]:
        """The atoms that fit a pattern and can matter, over values that occur."""
        for reached in sorted(self.matters.get(pattern.key, ()), key=str):
            both = _met(pattern.args, reached)
            if both is None:
                continue
            columns = [
                self.domains.values((pattern.key, k)) if value is None else [value] for k, value in enumerate(both)
            ]
            for number, args in enumerate(product(*columns)):
                if number > 4 * self.most:
                    self._cut()
                    break
                yield pattern.key, args


def _fits(pattern: CoreAtom, ground: tuple[Key, Args]) -> bool:
    return pattern.key == ground[0] and all(p is None or p == a for p, a in zip(pattern.args, ground[1], strict=True))


def _met(one: Sequence[str | int | None], other: Pattern) -> Pattern | None:
    """The pattern of what fits both."""
    both: list[int | None] = []
    for a, b in zip(one, other, strict=True):
        assert not isinstance(a, str)
        if a is not None and b is not None and a != b:
            return None
        both.append(b if a is None else a)
    return tuple(both)


def _moved(setting: Setting, old: Ground, new: Ground) -> tuple[float, float]:
    """The new and the old number of two facts that differ in one."""
    values = [setting.normal.symbols.values(g[1]) for g in (new, old)]
    return next((a, b) for a, b in zip(*values, strict=True) if a != b)  # pyright: ignore[reportReturnType]
