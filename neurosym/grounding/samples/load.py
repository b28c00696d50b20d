"""What a run for many samples begins with: the facts of each, and those that hold in all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError, Place
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.factbase import Table
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import TRIPLE, CoreProgram, GroundFact, Key
from neurosym.grounding.declared import declared_arguments, misfitting, refuse
from neurosym.grounding.graph import POSSIBLE, ChoiceGroup
from neurosym.grounding.load import as_triples, load_facts, mentioned
from neurosym.grounding.samples.facts import Samples
from neurosym.grounding.samples.graphs import sample_place
from neurosym.grounding.samples.lifted import Lifted
from neurosym.lang.ast import Atom, Program
from neurosym.lang.terms import spell_predicate
from neurosym.lang.walk import body_atoms, head_atoms


def in_each(rows: Ids, count: int) -> Ids:
    """(count * n, 1 + arity): rows that hold in every sample."""
    numbers = np.repeat(np.arange(count, dtype=np.int32), len(rows))
    return np.concatenate([numbers[:, None], np.tile(rows, (count, 1))], axis=1)


@dataclass(frozen=True)
class _Places(Sequence[Place]):
    """Where the facts of samples come from: the sample's number."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Place:  # pyright: ignore[reportIncompatibleMethodOverride]
        return sample_place(index)


class Given:
    """The samples' facts under the predicates that hold them, over the program's symbols.

    Attributes:
        tables: predicate → (m, 1 + arity) rows, sample by sample.
    """

    def __init__(
        self, program: Program, core: CoreProgram, symbols: SymbolTable, samples: Samples, base: FactBase,
        queries: Sequence[Atom],
    ) -> None:  # fmt: skip
        self.symbols = symbols
        self.tables: dict[Key, Ids] = {}
        wanted = mentioned(core, symbols, program, queries)
        declared = declared_arguments(program)
        all_ids = np.arange(len(samples.symbols))
        renumber = symbols.intern_many(samples.symbols.values(all_ids.tolist()))
        for key, rows in samples.tables.items():
            if core.aliases.get(key, key) not in wanted and not (core.triple_mode and key[0].startswith("<")):
                self._check(program, core, key, rows, wanted)
                continue  # its rules never fire, and no query asks for it
            found = Table(rows[:, 1:], rows[:, 0])
            facts = FactBase(samples.symbols, {key: found}, _Places(samples.count))  # pyright: ignore[reportArgumentType]
            if misfits := misfitting(facts, key, declared.get(key, ())):
                raise refuse(misfits, base.prefixes | program.prefixes)
            args = renumber[rows[:, 1:]] if len(renumber) else rows[:, 1:]
            target = core.aliases.get(key, key)
            if core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
                target, args = TRIPLE, as_triples(symbols, target, args)
            table = np.concatenate([rows[:, :1], args], axis=1, dtype=np.int32)
            known = self.tables.get(target)
            self.tables[target] = table if known is None else np.concatenate([known, table])

    @staticmethod
    def _check(program: Program, core: CoreProgram, key: Key, rows: Ids, wanted: set[Key]) -> None:
        """Refuse a predicate of which the program's text does not speak either, or which has no facts."""
        name = f"{spell_predicate(key[0], program.prefixes)}/{key[1]}"
        if key in core.foreign:
            raise GroundingError(
                f"there are facts of `{name}`, which a Python function answers", code="NS426",
                help="leave the facts out, or give the predicate of the function another name",
            )  # fmt: skip
        written = {a.key for r in program.rules for a in (*head_atoms(r), *(b for b, _ in body_atoms(r.body)))}
        if key in written:
            return
        number = int(rows[0, 0]) if len(rows) else 0
        known = sorted(k for k in wanted if k not in core.hidden)
        arities = [str(k) for n, k in known if n == key[0]]
        near = get_close_matches(key[0], [n for n, _ in known if n != key[0]], 1)
        raise GroundingError(
            f"sample {number} has facts of `{name}`, which the program does not mention", code="NS427",
            note=f"`{key[0]}` has {' or '.join(arities)} arguments" if arities else "",
            help="" if arities else f"did you mean `{near[0]}`?" if near else "declare it, or leave the facts out",
        )  # fmt: skip


class Loader:
    """Loads what the engine begins with: common facts once, those that may differ between samples for each of them.

    Attributes:
        common: the shared facts of predicates that do not depend on samples.
    """

    def __init__(self, lifted: Lifted, given: Given, shared: FactBase, count: int) -> None:
        self.lifted, self.given, self.count = lifted, given, count
        core = lifted.original
        self.common = FactBase(shared.symbols, {}, shared.places, shared.prefixes)
        self.spread = FactBase(shared.symbols, {}, shared.places, shared.prefixes)
        for key, table in shared.tables.items():
            target = core.aliases.get(key, key)
            if core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
                target = TRIPLE
            (self.spread if target in lifted.keys else self.common).tables[key] = table

    def __call__(
        self, builder: GraphBuilder, program: Program, base: FactBase, queries: Sequence[Atom]
    ) -> list[Place]:  # fmt: skip
        """Add all input facts; gives the places of the graph's `place` column, that of samples last."""
        places = load_facts(builder, program, base, queries)
        first = len(base.places)  # of the statements' places
        places.append(Place("samples"))
        parts: dict[Key, list[tuple[Ids, Ids]]] = {}
        for key, rows in self.given.tables.items():
            parts[key] = [(rows, np.full(len(rows), len(places) - 1, np.int32))]
        for key, rows, where in self._spread(program):
            parts.setdefault(key, []).append((in_each(rows, self.count), np.tile(where, self.count)))
        weighted: dict[Key, list[GroundFact]] = {}
        for fact in self.lifted.facts:
            if fact.weight is not None or fact.parameter is not None:
                weighted.setdefault(fact.key, []).append(fact)
                continue
            row = np.array(fact.args, np.int32).reshape(1, -1)
            where = np.full(self.count, first + fact.statement, np.int32)
            parts.setdefault(fact.key, []).append((in_each(row, self.count), where))
        for key, found in parts.items():
            rows, where = (np.concatenate(x) for x in zip(*found, strict=True))
            order = in_order(rows)
            builder.add_facts(self.lifted.keys[key], np.ascontiguousarray(rows[order]), True, 0, where[order])
        for key, facts in weighted.items():
            self._weighted(builder, self.lifted.keys[key], facts, first)
        return places

    def _spread(self, program: Program) -> Iterator[tuple[Key, Ids, Ids]]:
        """Shared facts of predicates of which samples have facts, or which are derived for each."""
        core, declared = self.lifted.original, declared_arguments(program)
        for key, table in self.spread.tables.items():
            if misfits := misfitting(self.spread, key, declared.get(key, ())):
                raise refuse(misfits, self.spread.prefixes | program.prefixes)
            target, rows = core.aliases.get(key, key), table.rows
            if core.triple_mode and target[0].startswith("<") and key[1] in (1, 2):
                target, rows = TRIPLE, as_triples(self.given.symbols, target, rows)
            yield target, rows, table.places

    def _weighted(self, builder: GraphBuilder, key: Key, facts: list[GroundFact], first: int) -> None:
        """Probabilistic facts of the rule text: in each sample a choice of their own, as in `load`."""
        for fact in facts:
            rows = in_each(np.array(fact.args, np.int32).reshape(1, -1), self.count)
            ids, _ = builder.add_facts(key, rows, False, 0, np.full(len(rows), first + fact.statement, np.int32))
            leaves = ids[builder.status[ids] == POSSIBLE][:, None]  # a sample that has the fact needs no choice
            of = np.full(len(leaves), fact.statement, np.int32)
            if fact.parameter is not None:
                parameters = np.full(len(leaves), fact.parameter, np.int32)
                builder.add_choices(ChoiceGroup(leaves, "learned", of, True, parameters=parameters))
            else:
                weights = np.full(leaves.shape, fact.weight, np.float64)
                builder.add_choices(ChoiceGroup(leaves, "constant", of, True, probabilities=weights))


def in_order(rows: Ids) -> NDArray[np.int64]:
    """The order of rows by their columns, first to last, so that the order in which facts come does not matter."""
    if not len(rows):
        return np.zeros(0, np.int64)
    spans = rows.max(axis=0).astype(np.int64) + 1
    if np.prod(spans.astype(np.float64)) < 2.0**62:
        code = np.zeros(len(rows), np.int64)
        for column, span in zip(rows.T, spans.tolist(), strict=True):
            code = code * span + column
        return np.argsort(code, kind="stable")
    return np.lexsort(rows.T[::-1])
