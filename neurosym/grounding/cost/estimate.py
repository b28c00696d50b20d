"""How many rows a rule's body gives, estimated from histograms, literal by literal in the order of `plan`.

A join with given facts on one variable is exact as long as the histogram of that variable is: the weights of its values
are summed over the rows of the table (the counting pass of Yannakakis' algorithm). Everything else assumes that
columns are independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError
from neurosym.facts import Ids, SymbolTable
from neurosym.facts.symbols import INT
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.builtins import Evaluator
from neurosym.grounding.columns import Mask
from neurosym.grounding.core import AggregateStep, Builtin, Compare, CoreAtom, CoreProgram, ForeignCall, Key
from neurosym.grounding.cost.statistics import Column, Floats, Relation, distinct_rows, overlap, shared, sums
from neurosym.lang.ast import Term, Var

GRID = 1 << 16  # combinations of values that an expression is evaluated on
NUMBERS = 1 << 12  # values of an expression that are kept; each of them is interned
_TEXTS = 1 << 12  # texts that are tested; each enters Python


@dataclass
class State:
    """The bindings after some literals: how many, and the histogram of each variable, whose counts sum to n."""

    n: float = 1.0
    of: dict[str, Column] = field(default_factory=dict)

    def to(self, n: float, **changed: Column) -> State:
        """The same variables over another number of rows, some with a histogram of their own."""
        kept = {v: c.to(n) for v, c in self.of.items() if v not in changed} if n != self.n else self.of
        return State(n, {**kept, **{v: c.to(n) for v, c in changed.items()}})


@dataclass(frozen=True)
class Step:
    """What one literal did.

    Attributes:
        before, rows: bindings before and after it; of a join, `rows` is before anything else filters them.
        size: rows of the relation joined with; `crossed`: whether nothing connects it with what came before.
        heavy: (atom with the value in its place, rows that share it) if one value makes a large part of the join.
    """

    atom: CoreAtom
    before: float
    rows: float
    size: float
    crossed: bool = False
    heavy: tuple[CoreAtom, float] | None = None


class Bodies:
    """Estimates literals over bindings.

    Args:
        relation: what is known about a predicate, as of now.
        demand: called with a group that is evaluated where it is asked, and what it is asked about.
        ask: called with a neural predicate and the inputs that it is asked about.
    """

    def __init__(
        self, core: CoreProgram, symbols: SymbolTable, relation: Callable[[Key], Relation],
        demand: Callable[[Key, Relation], None], ask: Callable[[Key, Relation], None], slots: Ids,
    ) -> None:  # fmt: skip
        self.core, self.symbols, self.relation = core, symbols, relation
        self.demand, self.ask, self.slots = demand, ask, slots
        self.evaluator = Evaluator(symbols)

    # ------------------------------------------------------------------------------------------------- joins

    def scan(self, state: State, atom: CoreAtom, window: Relation | None) -> tuple[State, Step]:
        """A positive literal, over a relation or a part of it."""
        self._demand(state, atom.key, atom.args)
        if atom.key in self.core.neural:
            return self._neural(state, atom)
        relation = window or self.relation(atom.key)
        bound = [k for k, a in enumerate(atom.args) if isinstance(a, int) or a in state.of]
        crossed = not bound and state.n > 1 and relation.rows > 1 and bool(state.of)
        heavy = self._heavy(state, atom, relation, bound)
        after = self._rows_join(state, atom, relation) if relation.table is not None else self._join(
            state, atom, relation
        )  # fmt: skip
        if len(bound) == len(atom.args) and after.n > state.n:
            after = after.to(state.n)
        return after, Step(atom, state.n, after.n, relation.rows, crossed, heavy)

    def _rows_join(self, state: State, atom: CoreAtom, relation: Relation) -> State:
        """With given facts: a weight for each row, the expected bindings that it extends."""
        weights = np.ones(int(relation.rows))
        scale = state.n
        first: dict[str, int] = {}
        for k, arg in enumerate(atom.args):
            column, codes = relation.columns[k], relation.codes[k]
            if isinstance(arg, int):
                place = np.searchsorted(column.values, arg) if column.values is not None else 0
                weights = weights * (codes == place if column.at(np.array([arg]))[0] else 0.0)
            elif arg in state.of:
                mine = state.of[arg]
                if mine.values is None:
                    factor = np.full(len(column.counts), state.n / max(mine.distinct, column.distinct))
                else:
                    assert column.values is not None
                    factor = mine.at(column.values)
                weights = weights * (factor / max(state.n, 1e-300))[codes]
            elif arg is not None:
                if arg in first:
                    assert relation.table is not None
                    weights = weights * (relation.table[:, first[arg]] == relation.table[:, k])
                first.setdefault(arg, k)
        weights = weights * scale
        n = float(weights.sum())
        changed = {}
        for k, arg in enumerate(atom.args):
            values = relation.columns[k].values
            if isinstance(arg, str) and values is not None:
                changed[arg] = Column.of(values, sums(relation.codes[k], weights, len(values)))
        kept = {v: c.to(n) for v, c in state.of.items() if v not in changed}
        return State(n, {**kept, **changed})

    def _join(self, state: State, atom: CoreAtom, relation: Relation) -> State:
        """With derived facts: their columns count as independent."""
        rows = relation.rows
        n = state.n * rows
        changed: dict[str, Column] = {}
        for column, arg in zip(relation.columns, atom.args, strict=True):
            if n <= 0 or arg is None:
                continue
            if isinstance(arg, int):
                n *= float(column.at(np.array([arg]))[0]) / rows if column.values is not None else 1 / column.distinct
                continue
            mine = changed.get(arg) or state.of.get(arg)
            if mine is None:
                changed[arg] = column
                continue
            total = rows if arg in changed else state.n
            n *= shared(mine, column, total, rows) / max(total * rows, 1e-300)
            if mine.values is None or column.values is None:
                changed[arg] = mine if column.values is None else column
            else:
                values, left, right = overlap(mine, column)
                changed[arg] = Column.of(values, left * right)
        return state.to(n, **changed)

    def _heavy(
        self, state: State, atom: CoreAtom, relation: Relation, bound: list[int]
    ) -> tuple[CoreAtom, float] | None:
        """The value that makes at least a fifth of a join and is far more frequent than its like."""
        found: tuple[CoreAtom, float] | None = None
        for k in bound:
            arg, column = atom.args[k], relation.columns[k]
            if column.values is None or column.distinct < 2:
                continue
            if isinstance(arg, int):
                value, count = arg, float(column.at(np.array([arg]))[0])
            else:
                mine = state.of[str(arg)]
                if mine.values is None:
                    continue
                values, left, right = overlap(mine, column)
                if not len(values):
                    continue
                product = left * right
                top = int(product.argmax())
                if product[top] < 0.2 * product.sum():
                    continue
                value, count = int(values[top]), float(right[top])
            if count > 10 * relation.rows / column.distinct and (found is None or count > found[1]):
                args = tuple(value if j == k else a for j, a in enumerate(atom.args))
                found = (CoreAtom(atom.key, args), count)
        return found

    # --------------------------------------------------------------------------- negation, groups, aggregates

    def negated(self, state: State, atom: CoreAtom) -> State:
        """Bindings that no certain fact matches."""
        self._demand(state, atom.key, atom.args)
        if atom.key in self.core.neural:
            return self._neural(state, atom)[0].to(state.n)
        relation = self.relation(atom.key)
        if relation.possible or relation.rows <= 0:
            return state
        bound = [k for k, a in enumerate(atom.args) if a is not None]
        if len(bound) == 1 and isinstance(variable := atom.args[bound[0]], str):
            mine, column = state.of[variable], relation.columns[bound[0]]
            if mine.values is not None and column.values is not None:
                stays = Column.of(mine.values, mine.counts * (1 - np.minimum(column.at(mine.values), 1.0)))
                return state.to(float(stays.counts.sum()), **{variable: stays})
        if relation.table is not None and len(bound) < len(atom.args) and bound:
            relation = Relation.given(np.unique(relation.table[:, bound], axis=0), len(self.symbols))
            atom = CoreAtom(atom.key, tuple(atom.args[k] for k in bound))
        joined = self._rows_join(state, atom, relation) if relation.table is not None else self._join(
            state, atom, relation
        )  # fmt: skip
        return state.to(max(0.0, state.n - min(joined.n, state.n)))

    def project(self, state: State, args: Sequence[str | int | None]) -> Relation:
        """The different rows of some variables and constants."""
        columns = [
            state.of[a] if isinstance(a, str) else Column.constant(a, state.n) for a in args if a is not None
        ]  # fmt: skip
        rows = distinct_rows(columns, state.n)
        if len(columns) == 1 and columns[0].values is not None:
            column = columns[0]
            return Relation(rows, (Column.of(column.values, np.minimum(column.counts, 1.0)),))  # pyright: ignore
        return Relation(rows, tuple(c.to(rows) for c in columns))

    def _demand(self, state: State, group: Key, args: Sequence[str | int | None]) -> None:
        if group in self.core.demands and state.n > 0:
            self.demand(group, self.project(state, [a for a in args if isinstance(a, str)]))

    def aggregate(self, state: State, step: AggregateStep) -> tuple[State, Relation, float]:
        """One result for each group; gives the groups asked about, and the members of each."""
        self._demand(state, step.members, step.group)
        members, width = self.relation(step.members), len(step.group)
        groups = self.project(state, step.group)
        known = distinct_rows(list(members.columns[:width]), members.rows) if width else 1.0
        size = members.rows / max(known, 1.0)
        n = state.n
        if step.function not in ("count", "sum"):
            n *= min(1.0, known / max(groups.rows, 1.0)) if members.rows > 0 else 0.0
        result = Column.unknown(min(n, size + 1) if step.function == "count" else n)
        if step.function in ("min", "max") and len(members.columns) > width:
            result = members.columns[width].to(n)
        if step.result in state.of:
            return state.to(n / max(result.distinct, 1.0)), groups, size
        return state.to(n, **{step.result: result}), groups, size

    def _neural(self, state: State, atom: CoreAtom) -> tuple[State, Step]:
        """Every input has all its values; free slots range over the sample's inputs."""
        declaration = self.core.neural[atom.key]
        width = len(atom.args) - (declaration.values is not None)
        before = state.n
        for arg in atom.args[:width]:
            if isinstance(arg, str) and arg not in state.of:
                slots = np.sort(self.slots)
                state = state.to(state.n * len(slots), **{arg: Column.of(slots, np.ones(len(slots)))})
        if state.n > 0:
            self.ask(atom.key, self.project(state, atom.args[:width]))
        if declaration.values is not None:
            ids = np.sort(self.symbols.intern_many(declaration.values))
            last, column = atom.args[-1], Column.of(ids, np.ones(len(ids)))
            if isinstance(last, str) and last not in state.of:
                state = state.to(state.n * len(ids), **{last: column})
            elif isinstance(last, str) and (mine := state.of[last]).values is not None:
                values, left, _ = overlap(mine, column)
                state = state.to(float(left.sum()), **{last: Column.of(values, left)})
        return state, Step(atom, before, state.n, 0.0)

    # ------------------------------------------------------------------------------------------- expressions

    def compare(self, state: State, literal: Compare) -> State:
        """A test, or an equation that binds a variable."""
        for target, value in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(target, Var) and target.name not in state.of:
                return self._assign(state, target.name, value)
        left, right = literal.left, literal.right
        if isinstance(left, Var) and isinstance(right, Var) and literal.op in ("=", "==", "is", "!=", "\\=="):
            mine, other = state.of[left.name], state.of[right.name]
            same = 1.0
            if left.name != right.name:
                same = shared(mine, other, state.n, state.n) / max(state.n**2, 1e-300)
            equal = (literal.op in ("=", "==", "is")) != literal.negated
            return state.to(state.n * min(1.0, same if equal else 1 - same))
        test = lambda columns, n: self.evaluator.compare(  # noqa: E731
            literal.op, self.evaluator.operand(left, columns, n), self.evaluator.operand(right, columns, n)
        )
        return self._filter(state, variables_of(left) | variables_of(right), test, literal.negated, 1 / 3)

    def builtin(self, state: State, literal: Builtin) -> State:
        """A text test, or `between`."""
        used = set().union(*map(variables_of, literal.args))
        if literal.name != "between":
            test = lambda columns, n: self.evaluator.test(  # noqa: E731
                literal.name, [self.evaluator.operand(a, columns, n) for a in literal.args]
            )
            return self._filter(state, used, test, literal.negated, 0.1, _TEXTS)
        target = literal.args[2]
        if isinstance(target, Var) and target.name not in state.of:
            return self._generate(state, target.name, literal.args[:2])

        def inside(columns: dict[str, Ids], n: int) -> Mask:
            low, high, value = (self.evaluator.operand(a, columns, n) for a in literal.args)
            whole = low.ok & high.ok & value.ok & (value.kind == INT)
            return whole & (low.ints <= value.ints) & (value.ints <= high.ints)

        return self._filter(state, used, inside, literal.negated, 1 / 3)

    def foreign(self, state: State, literal: ForeignCall) -> State:
        """A Python function, of which nothing is known: one answer to each question, no two alike."""
        made = {a.name: Column.unknown(state.n) for a in literal.args if isinstance(a, Var) and a.name not in state.of}
        return state.to(state.n, **({} if literal.negated else made))

    def _filter(
        self, state: State, names: set[str], test: Callable[[dict[str, Ids], int], Mask], negated: bool,
        otherwise: float, most: int = GRID,
    ) -> State:  # fmt: skip
        """Bindings for which a test holds, tried on the values of its variables."""
        grid = self._grid(state, names, 1 << 21 if len(names) == 1 and most == GRID else most)
        if grid is None:
            return state.to(state.n * otherwise)
        columns, places, weights = grid
        try:
            holds = test(columns, len(weights)) != negated
        except GroundingError:
            return state.to(state.n * otherwise)
        n = state.n * float(weights[holds].sum())
        changed: dict[str, Column] = {}
        for name, place in places.items():
            column = state.of[name]
            assert column.values is not None
            changed[name] = Column.of(column.values, sums(place[holds], weights[holds], len(column.values)))
        return state.to(n, **changed)

    def _grid(
        self, state: State, names: set[str], most: int
    ) -> tuple[dict[str, Ids], Mapping[str, NDArray[np.integer]], Floats] | None:  # fmt: skip
        """Combinations of values: term ids, for whole grids also their positions, and probabilities.

        More combinations than `most` are drawn at random; None if values are not known.
        """
        ordered = sorted(names)
        known = [state.of[v] for v in ordered]
        size = 1.0
        for column in known:
            if column.values is None or not len(column.values):
                return None
            size *= len(column.values)
        shares = [c.counts / c.counts.sum() for c in known]
        if size <= most:
            shape = tuple(len(c.counts) for c in known)
            at = np.unravel_index(np.arange(int(size)), shape) if shape else ()
            weights = np.ones(int(size))
            for place, share in zip(at, shares, strict=True):
                weights = weights * share[place]
            places = dict(zip(ordered, at, strict=True))
        else:
            random = np.random.default_rng(0)
            count = min(most, _TEXTS)
            at = [random.choice(len(s), count, p=s) for s in shares]
            weights, places = np.full(count, 1 / count), {}
        columns = {v: c.values[p] for v, c, p in zip(ordered, known, at, strict=True)}  # pyright: ignore
        return columns, places, weights

    def _assign(self, state: State, name: str, value: Term) -> State:
        """A variable that an equation determines."""
        if isinstance(value, Var):
            return state.to(state.n, **{name: state.of[value.name]})
        used = variables_of(value)
        room = 1.0
        for variable in used:
            room *= max(state.of[variable].distinct, 1.0)
        grid = self._grid(state, used, NUMBERS)
        wide = Column.unknown(min(room, state.n))
        if grid is None or (used and not grid[1]):
            return state.to(state.n, **{name: wide})
        columns, _, weights = grid
        try:
            operand = self.evaluator.operand(value, columns, len(weights))
            ids = operand.to_ids(self.symbols)
        except GroundingError:
            return state.to(state.n, **{name: wide})
        ok = operand.ok
        values, where = np.unique(ids[ok], return_inverse=True)
        counts = sums(where, weights[ok], len(values))
        return state.to(state.n * float(weights[ok].sum()), **{name: Column.of(values.astype(np.int32), counts)})

    def _generate(self, state: State, name: str, ends: tuple[Term, ...]) -> State:
        """`between(L, H, X)` with X free."""
        grid = self._grid(state, set().union(*map(variables_of, ends)), NUMBERS)
        if grid is None:
            return state.to(state.n * 10, **{name: Column.unknown(10.0)})
        columns, _, weights = grid
        low, high = (self.evaluator.operand(a, columns, len(weights)) for a in ends)
        whole = low.ok & high.ok & (low.kind == INT) & (high.kind == INT)
        width = np.where(whole, np.maximum(high.floats - low.floats + 1, 0), 0)
        n = state.n * float((weights * width).sum())
        if not width.any():
            return state.to(0.0, **{name: Column(np.zeros(0, np.int32), np.zeros(0), 0.0)})
        start, stop = low.ints[width > 0].min(), high.ints[width > 0].max()
        distinct = float(stop) - float(start) + 1
        if distinct > NUMBERS:
            return state.to(n, **{name: Column.unknown(distinct)})
        ids = np.sort(self.symbols.intern_numbers(np.arange(start, stop + 1)))
        return state.to(n, **{name: Column.of(ids, np.ones(len(ids)))})
