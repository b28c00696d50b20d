"""The substitutions under which most literals of a rule hold, by search over the facts.

First those under which every atom is matched, then those with one atom that is not, and so on, until no more can be
gained. What the search may cost is limited, and a search that was cut says so.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.explain.changes.bodies import Part
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.builtins import Evaluator
from neurosym.grounding.core import CoreAtom, Key
from neurosym.lang.ast import Atom, Comparison, Const, Term, Var

TRIES = 2_000  # steps of the search, for each number of atoms that are not matched
FEW = 100  # steps that are made even if the time is over
MATCHES = 500  # facts tried for one atom at one point, those first that miss comparisons by least
KEPT = 8  # substitutions of a rule that are looked at in full

Ids = dict[str, int]  # variable → term id
Pattern = tuple[int | None, ...]


@dataclass(frozen=True)
class Near:
    """A substitution, and what of the rule it makes hold, as far as the facts tell.

    Attributes:
        failed: positions of literals that fail; `miss`: how far comparisons were missed, relative to their numbers.
        facts: position of an atom → the fact that matches it.
    """

    ids: Ids
    failed: frozenset[int]
    miss: float
    facts: dict[int, int]


class Facts:
    """Looks facts up in a graph, and compares values."""

    def __init__(self, graph: DerivationGraph) -> None:
        self.graph = graph
        self.evaluator = Evaluator(graph.symbols)
        self._number = {key: k for k, key in enumerate(graph.predicates)}

    def core(self, atom: Atom) -> CoreAtom:
        """An atom under the predicate that holds its facts; variables by name."""
        args = tuple(self._arg(t) for t in atom.args)
        return self.graph.program.canonical(CoreAtom(atom.key, args), self.graph.symbols)

    def _arg(self, term: Term) -> str | int:
        assert isinstance(term, Const | Var)
        return self.graph.symbols.intern(term.value) if isinstance(term, Const) else term.name

    def pattern(self, atom: CoreAtom, ids: Ids) -> Pattern:
        """The term ids of an atom under a substitution, None where there is none."""
        return tuple(ids.get(a) if isinstance(a, str) else a for a in atom.args)

    def matching(self, key: Key, pattern: Pattern, atom: CoreAtom | None = None) -> np.ndarray:
        """Rows of a predicate's table that match a pattern, and in which a variable of the atom has one value."""
        if key not in self._number:
            return np.zeros(0, np.int64)
        rows = self.graph.rows[self._number[key]]
        keep = np.ones(len(rows), bool)
        for column, value in enumerate(pattern):
            if value is not None:
                keep &= rows[:, column] == value
        first: dict[str, int] = {}
        for column, arg in enumerate(atom.args if atom is not None else ()):
            if isinstance(arg, str) and first.setdefault(arg, column) != column:
                keep &= rows[:, column] == rows[:, first[arg]]
        return np.nonzero(keep)[0]

    def fact(self, key: Key, row: int) -> int:
        """The fact in a row of a predicate's table."""
        return int(self.graph.fact_ids[self._number[key]][row])

    def row(self, key: Key, row: int) -> list[int]:
        """The term ids in a row of a predicate's table."""
        return self.graph.rows[self._number[key]][row].tolist()

    def assigned(self, parts: Sequence[Part], ids: Ids) -> Ids:
        """The substitution with the variables that an equation gives a value."""
        pending = [p.body for p in parts if isinstance(p.body, Comparison) and p.body.op in ("=", "is")]
        changed = bool(pending)
        while changed:
            changed = False
            for compare in pending:
                for target, value in ((compare.left, compare.right), (compare.right, compare.left)):
                    if isinstance(target, Var) and target.name not in ids and variables_of(value) <= ids.keys():
                        found = self.value(value, ids)
                        if found is not None:
                            ids = ids | {target.name: found}
                            changed = True
        return ids

    def value(self, term: Term, ids: Ids) -> int | None:
        """The term id of an expression; None where it has no value."""
        operand = self.evaluator.operand(term, _columns(ids), 1)
        return int(operand.to_ids(self.graph.symbols)[0]) if operand.ok[0] else None

    def compares(self, compare: Comparison, ids: Ids) -> bool | None:
        """Whether a comparison holds; None where a variable has no value."""
        if not variables_of(compare.left) | variables_of(compare.right) <= ids.keys():
            return None
        columns = _columns(ids)
        left, right = (self.evaluator.operand(side, columns, 1) for side in (compare.left, compare.right))
        return bool(self.evaluator.compare(compare.op, left, right)[0])

    def rows(self, key: Key) -> np.ndarray:
        """The table of a predicate that has facts."""
        return self.graph.rows[self._number[key]]

    def misses(self, compare: Comparison, columns: dict[str, np.ndarray], n: int) -> np.ndarray:
        """(n,) 0 where a comparison holds, else 1 and by how much numbers miss it, relative to the greatest miss."""
        left, right = (self.evaluator.operand(side, columns, n) for side in (compare.left, compare.right))
        false = ~self.evaluator.compare(compare.op, left, right)
        gap = np.nan_to_num(np.abs(left.floats - right.floats), posinf=0.0)
        return false * (1.0 + gap / (gap.max(initial=0.0) or 1.0))

    def missed_by(self, compare: Comparison, ids: Ids) -> tuple[float, float, bool] | None:
        """By how much an ordered comparison is missed, and that relative to its sides; whether these are dates."""
        sides = [self.value(side, ids) for side in (compare.left, compare.right)]
        if None in sides:
            return None
        left, right = self.graph.symbols.values([s for s in sides if s is not None])
        if isinstance(left, datetime.date) and isinstance(right, datetime.date):
            days = float(abs((left - right).days))
            return days, days / 365, True
        if isinstance(left, bool) or isinstance(right, bool):
            return None
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return None
        gap = float(f"{abs(left - right):.12g}")  # 38.0 - 37.6 is 0.4 to who reads it
        return gap, gap / max(abs(left), abs(right), 1e-9), False


def _columns(ids: Ids) -> dict[str, np.ndarray]:
    return {n: np.array([i], np.int32) for n, i in ids.items()}


class Nearest:
    """Searches one way through one rule.

    Attributes:
        cut: whether a limit was reached.
        own: the values of the goal. Then an atom that the rule joins with them is matched only once something recorded
            leads to it: who has a neighbour in no record is not told about someone else's. None: all are matched.
    """

    def __init__(self, facts: Facts, parts: Sequence[Part], until: float, own: frozenset[int] | None) -> None:
        self._until, self.own = until, own
        self.facts, self.parts = facts, parts
        self.atoms = {k: facts.core(p.atom) for k, p in enumerate(parts) if p.kind == "atom" and p.atom is not None}
        self.negated = {
            k: facts.core(p.atom) for k, p in enumerate(parts) if p.kind == "negated" and p.atom is not None
        }
        self._joined = self._joined_with(own or frozenset())
        self.cut = False
        self._steps = 0
        self._found: dict[tuple, Near] = {}

    def _joined_with(self, own: frozenset[int]) -> set[int]:
        """The atoms that share variables with those that have some values, directly or through others."""
        known: set[str] = set()
        joined: set[int] = set()
        before = -1
        while before < len(joined):
            before = len(joined)
            for k, atom in self.atoms.items():
                if known & atom.variables or own & {a for a in atom.args if isinstance(a, int)}:
                    joined.add(k)
                    known |= atom.variables
        return joined

    def reached(self, k: int, ids: Ids) -> bool:
        """Whether an atom may be matched, see `own`."""
        if self.own is None or k not in self._joined or not self.atoms[k].variables:
            return True
        return any(a in ids if isinstance(a, str) else a in self.own for a in self.atoms[k].args)

    def best(self) -> list[Near]:
        """The nearest substitutions, nearest first."""
        for missing in range(len(self.atoms) + 1):
            self._steps = 0
            self._extend({}, list(self.atoms), {}, missing)
            if self._found and min(len(n.failed) for n in self._found.values()) <= missing:
                break
        found = sorted(self._found.values(), key=lambda n: (len(n.failed), n.miss, -len(n.facts)))
        return found[:KEPT]

    def _extend(self, ids: Ids, open_: list[int], facts: dict[int, int], missing: int) -> None:
        """Match the atoms that are open, all but at most `missing` of them."""
        self._steps += 1
        if self._steps > TRIES or (self._steps > FEW and time.monotonic() > self._until):
            self.cut = True
            return
        ids = self.facts.assigned(self.parts, ids)
        matches = {}
        for k in open_:
            atom = self.atoms[k]
            matches[k] = self.facts.matching(atom.key, self.facts.pattern(atom, ids), atom)
        hopeless = [k for k in open_ if not len(matches[k])]
        missing -= len(hopeless)
        if missing < 0:
            return
        open_ = [k for k in open_ if len(matches[k])]
        near = [k for k in open_ if self.reached(k, ids)]
        if not near:
            if len(open_) <= missing:
                self._settle(ids, facts)
            return
        chosen = min(near, key=lambda k: len(matches[k]))
        rest = [k for k in open_ if k != chosen]
        atom, rows = self.atoms[chosen], matches[chosen]
        if len(rows) > MATCHES:
            self.cut = True
        for row in self._promising(atom, rows, ids)[:MATCHES].tolist():
            more = {a: v for a, v in zip(atom.args, self.facts.row(atom.key, row), strict=True) if isinstance(a, str)}
            self._extend(ids | more, rest, facts | {chosen: self.facts.fact(atom.key, row)}, missing)
        if missing and any(isinstance(a, str) and a not in ids for a in atom.args):
            self._extend(ids, rest, facts, missing - 1)

    def _promising(self, atom: CoreAtom, rows: np.ndarray, ids: Ids) -> np.ndarray:
        """The rows in the order in which they are tried: by how far they miss the comparisons that they decide."""
        table = self.facts.rows(atom.key)[rows]
        columns = {n: np.full(len(rows), i, np.int32) for n, i in ids.items()}
        for place, arg in enumerate(atom.args):
            if isinstance(arg, str):
                columns[arg] = np.ascontiguousarray(table[:, place])
        miss = np.zeros(len(rows))
        for part in self.parts:
            compare = part.body
            if isinstance(compare, Comparison):
                needed = variables_of(compare.left) | variables_of(compare.right)
                if needed <= columns.keys() and needed & atom.variables:
                    miss += self.facts.misses(compare, columns, len(rows))
        return rows[np.argsort(miss, kind="stable")]

    def _settle(self, ids: Ids, facts: dict[int, int]) -> None:
        """Keep a substitution that no more atoms can extend."""
        for k, atom in self.atoms.items():
            if k in facts or not self.reached(k, ids):
                continue
            rows = self.facts.matching(atom.key, self.facts.pattern(atom, ids), atom)
            if len(rows) and not atom.variables <= ids.keys():
                return  # it was passed over, and does not fail: other branches match it
            if len(rows):  # what came later gave it its fact
                facts = facts | {k: self.facts.fact(atom.key, int(rows[0]))}
        failed = {k for k in self.atoms if k not in facts}
        miss = 0.0
        for k, part in enumerate(self.parts):
            if isinstance(part.body, Comparison) and self.facts.compares(part.body, ids) is False:
                failed.add(k)
                gap = self.facts.missed_by(part.body, ids)
                miss += 1.0 if gap is None else gap[1]
        failed |= {k for k in self.negated if any(c for _, c in self.there(k, ids))}
        key = (frozenset(failed), tuple(sorted(ids.items())))
        self._found.setdefault(key, Near(ids, frozenset(failed), miss, facts))

    def there(self, k: int, ids: Ids) -> Iterator[tuple[int, bool]]:
        """The facts that a negated atom forbids, and whether each is certain."""
        atom = self.negated[k]
        for row in self.facts.matching(atom.key, self.facts.pattern(atom, ids), atom).tolist():
            fact = self.facts.fact(atom.key, row)
            yield fact, bool(self.facts.graph.status[fact] == CERTAIN)
