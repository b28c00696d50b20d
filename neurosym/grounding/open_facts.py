"""Unknown atoms: created when a rule or a query asks an `open` predicate about something that its facts do not tell.

An unknown atom is a fact with one grounding more than its rules give it, `likes(a, b) :- unknown likes(a, b)`, over a
leaf of its own. So leaves have no groundings, also where the predicate has rules. What is *known* is settled before:
the facts of the predicate in the closed world, where all that is absent is false. Hence neither the order of rules nor
other unknown atoms decide what is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from neurosym.errors import LimitError
from neurosym.facts import Ids
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.columns import Tuples
from neurosym.grounding.core import CoreAtom, CoreProgram, CoreRule, Key, Negated, Scan
from neurosym.grounding.graph import ChoiceGroup, DerivationGraph
from neurosym.lang.ast import Atom, Const, Var


def needs_closed_world(core: CoreProgram) -> bool:
    """Whether rules conclude an open predicate, or a class that one of its arguments ranges over."""
    heads = {atom.key for rule in core.rules for atom, _ in rule.heads}
    classes = {c.key for opened in core.open.values() for c in opened.classes if c is not None}
    return bool(heads & (core.open.keys() | classes))


class OpenFacts:
    """The unknown atoms asked for so far."""

    def __init__(self, builder: GraphBuilder, closed: DerivationGraph | None) -> None:
        """No unknown atoms yet.

        Args:
            builder: with the input facts, and nothing else.
            closed: the graph of the closed world; None if the input facts are all that is known.
        """
        self.builder = builder
        self.core = builder.program
        self._known: dict[Key, Ids] = {}
        self._settled: dict[Key, Tuples] = {}
        self._leaves: dict[Key, list[Ids]] = {}
        self._rules: dict[Key, int] = {}
        self._values: dict[tuple[Key, int], Ids] = {}
        for key, opened in self.core.open.items():
            rows = self._known[key] = self._rows_of(CoreAtom(key, (None,) * key[1]), closed)
            known = self._settled[key] = Tuples(key[1])
            known.find_or_add(rows)
            self._leaves[key] = []
            names = tuple(f"A{k}" for k in range(key[1]))
            rule = CoreRule(((CoreAtom(key, names), None),), (Scan(CoreAtom(opened.leaf, names)),), -1, "open")
            self.core.rules.append(rule)
            self._rules[key] = len(self.core.rules) - 1
        for key, opened in self.core.open.items():
            for position in range(key[1]):
                if opened.ranges(position):
                    self._values[(key, position)] = self._domain(key, position, closed)

    def _rows_of(self, atom: CoreAtom, closed: DerivationGraph | None) -> Ids:
        """Rows that match an atom of constants and wildcards, as this builder's term ids."""
        symbols = self.builder.symbols
        if closed is None:
            rows = np.array(self.builder.relation(atom.key).rows)
        elif atom.key in closed.predicates:
            rows = closed.rows[closed.predicates.index(atom.key)]
            used, at = np.unique(rows, return_inverse=True)
            ids = symbols.intern_many(closed.symbols.values(used.tolist()))
            rows = ids[at.reshape(rows.shape)] if len(used) else rows
        else:
            rows = np.zeros((0, atom.key[1]), np.int32)
        for position, arg in enumerate(atom.args):
            if isinstance(arg, int):
                rows = rows[rows[:, position] == arg]
        return np.ascontiguousarray(rows, np.int32)

    def _domain(self, key: Key, position: int, closed: DerivationGraph | None) -> Ids:
        """The values of an argument's declared type; of a class its known members."""
        declared = self.core.open[key].declaration.args[position].type
        if declared.kind == "class":
            members = self.core.open[key].classes[position]
            assert members is not None
            return np.unique(self._rows_of(members, closed)[:, 0])
        values = (True, False) if declared.kind == "bool" else declared.values
        return np.unique(self.builder.symbols.intern_many(values))

    # ------------------------------------------------------------------------------------------------- asking

    def asks_itself(self, rule: CoreRule, inside: Sequence[int]) -> bool:
        """Whether all recursive literals of a rule are open: then no new fact of others makes it ask."""
        return all(isinstance(x := rule.body[k], Scan) and x.atom.key in self.core.open for k in inside)

    def ask(self, literal: object, table: Bindings) -> None:
        """Create the unknown atoms that a literal asks about, if its predicate is open.

        Raises:
            LimitError: they are more than may be.
        """
        if not isinstance(literal, Scan | Negated) or literal.atom.key not in self.core.open or not table.n:
            return
        atom = literal.atom
        bound = [
            np.full(table.n, a, np.int32) if isinstance(a, int) else table.columns[a]
            for a in atom.args
            if isinstance(a, int) or a in table.columns
        ]
        rows = _distinct(np.stack(bound, axis=1)) if bound else np.zeros((1, 0), np.int32)
        free = [k for k, a in enumerate(atom.args) if not isinstance(a, int) and a not in table.columns]
        self._ask_over(atom.key, rows, free)

    def _ask_over(self, key: Key, bound: Ids, free: Sequence[int]) -> None:
        """Ask about distinct rows of the bound arguments, with the free ones ranging over their types."""
        columns = [self._values[(key, k)] for k in free]
        total = len(bound) * math.prod(len(c) for c in columns)
        self._limit(key, total)
        full = np.zeros((total, key[1]), np.int32)
        given = [k for k in range(key[1]) if k not in free]
        full[:, given] = np.repeat(bound, total // max(1, len(bound)), axis=0)
        if free:
            grid = np.meshgrid(*columns, indexing="ij")
            for position, values in zip(free, grid, strict=True):
                full[:, position] = np.tile(values.reshape(-1), len(bound))
        self._ask_rows(key, full)

    def _ask_rows(self, key: Key, rows: Ids) -> None:
        """Create the unknown ones among (n, arity) distinct atoms; one with a value outside its type cannot hold."""
        opened = self.core.open[key]
        for position, argument in enumerate(opened.declaration.args):
            if argument.type.kind in ("enum", "bool"):
                rows = rows[np.isin(rows[:, position], self._values[(key, position)])]
        settled = self._settled[key]
        rows = np.ascontiguousarray(rows[settled.find(rows) < 0])
        if not len(rows):
            return
        self._limit(key, len(rows))
        settled.find_or_add(rows)
        n = len(rows)
        leaves, _ = self.builder.add_facts(opened.leaf, rows, False, 0)
        heads, _ = self.builder.add_facts(key, rows, False, 1)
        self.builder.add_block(self._rules[key], heads, leaves[:, None], certain=np.zeros(n, np.bool_))
        self._leaves[key].append(leaves)

    def _limit(self, key: Key, new: int) -> None:
        limits = self.builder.limits
        over_facts = self.builder.num_facts + 2 * new > limits.facts
        if over_facts or self.builder.groundings.size + new > limits.firings:
            most, flag = (limits.facts, "--max-facts") if over_facts else (limits.firings, "--max-firings")
            raise LimitError(
                f"{new:,} atoms of the open predicate {key[0]}/{key[1]} are asked about, which makes more than "
                f"{most:,} {'facts' if over_facts else 'firings'}",
                help=f"bind its arguments by other literals, declare smaller types, or raise {flag}",
            )

    # ---------------------------------------------------------------------------------------------- finishing

    def finish(self, directives: Sequence[Atom]) -> None:
        """Ask about the atoms of queries and evidence, and register the leaves as choices."""
        for atom in directives:
            self._ask_directive(atom)
        for key, leaves in self._leaves.items():
            if leaves:
                column = np.concatenate(leaves)[:, None]
                nobody = np.full(len(column), -1, np.int32)
                self.builder.add_choices(ChoiceGroup(column, "open", nobody, True, key=key))

    def _ask_directive(self, atom: Atom) -> None:
        """A query's variables range over their types, and over what rules derived from other unknown atoms."""
        symbols = self.builder.symbols
        args = tuple(
            symbols.intern(t.value) if isinstance(t, Const) else t.name if isinstance(t, Var) else None
            for t in atom.args
        )
        core = self.core.canonical(CoreAtom(atom.key, args), symbols)
        if core.key not in self.core.open:
            return
        constants = {k: a for k, a in enumerate(core.args) if isinstance(a, int)}
        free = [k for k in range(core.key[1]) if k not in constants]
        rows = np.array(self.builder.relation(core.key).rows)
        for position, value in constants.items():
            rows = rows[rows[:, position] == value]
        self._ask_rows(core.key, np.ascontiguousarray(rows))
        if all(self.core.open[core.key].ranges(k) for k in free):
            self._ask_over(core.key, np.array([list(constants.values())], np.int32).reshape(1, -1), free)


def _distinct(rows: Ids) -> Ids:
    """The distinct ones of (n, k) rows, k ≥ 1."""
    _, first = np.unique(Tuples(rows.shape[1]).find_or_add(rows), return_index=True)
    return rows[first]
