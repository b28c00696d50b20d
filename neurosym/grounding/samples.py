"""Many small groundings as one: the facts of all samples through one run of the engine.

The program is lifted (`lifted`), so that its rules range over samples, and what they derive is cut up by sample
afterwards. Samples whose parts have the same structure share one graph (`sample_shapes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError, Place
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.factbase import Table
from neurosym.grounding.builder import GraphBuilder, Limits
from neurosym.grounding.core import TRIPLE, CoreProgram, GroundFact, Key
from neurosym.grounding.declared import declared_arguments, misfitting, refuse
from neurosym.grounding.demand import Seeds, restricted
from neurosym.grounding.engine import Engine, Progress
from neurosym.grounding.graph import POSSIBLE, ChoiceGroup
from neurosym.grounding.lifted import SAMPLE, Lifted, lift
from neurosym.grounding.load import as_triples, load_facts, mentioned
from neurosym.grounding.normalise import normalise
from neurosym.grounding.sample_facts import Fact, Samples
from neurosym.grounding.sample_graphs import SampleGraphs, sample_place
from neurosym.lang.ast import Atom, Const, Program
from neurosym.lang.terms import spell_predicate
from neurosym.lang.walk import body_atoms, head_atoms


def ground_samples(
    program: Program,
    samples: Samples | Sequence[FactBase] | Sequence[Iterable[Fact]],
    shared: FactBase | None = None,
    *,
    queries: Iterable[Atom] = (),
    slots: Sequence[str] = (),
    limits: Limits | None = None,
    closed_networks: bool = False,
    progress: Progress | None = None,
    demand: bool = False,
) -> SampleGraphs:
    """Ground a program once for each of many samples, together.

    Each sample is a world of its own: its facts, those of the rule text and the shared ones hold in it, and nothing of
    any other sample. Its graph is that of `ground` over its facts and the shared ones, but for the numbering.

    Args:
        samples: the facts of each sample; `Samples.from_columns` takes arrays.
        shared: facts that hold in every sample. What depends on them alone is grounded once.
        slots: names of the per-sample inputs of networks. An input for which a sample gives facts of the neural
            predicate is not asked of the network in that sample.
        queries, limits, closed_networks, progress, demand: as for `ground`; the limits are for all samples together.

    Raises:
        GroundingError: NS427 facts of a predicate that the program does not have, NS425 and NS426 as for `ground`,
            NS905 the program has `open` predicates.
        RuleError, LimitError: as for `ground`.
    """
    own, base, asked = Samples.of(samples), shared or FactBase(), list(queries)
    if program.opened:
        names = ", ".join(f"`{n}/{k}`" for n, k in sorted(program.opened))
        raise GroundingError(
            f"samples of a program with open predicates cannot be grounded together yet: {names}", code="NS905",
            help="ground them one by one, or leave `open` out",
        )  # fmt: skip
    symbols = base.symbols.copy()
    core = normalise(program, symbols, asked)
    given = _Given(program, core, symbols, own, base, asked)
    seeds: Seeds = {}
    rules = list(enumerate(core.rules))
    if demand:
        rules, seeds = restricted(core, program, asked, symbols)
    lifted = lift(core, rules, given.tables)
    loader = _Loader(lifted, given, base, own.count)
    engine = Engine(
        program, lifted.core, loader.common, symbols, slots, limits or Limits(), closed_networks, progress, asked, True,
        loader,
    )  # fmt: skip
    numbers = np.arange(own.count, dtype=np.int32)
    engine.builder.ask(SAMPLE, numbers[:, None])
    for key, rows in seeds.items():
        if key in lifted.keys:
            table = np.array(list(rows), np.int32).reshape(len(rows), key[1])
            engine.builder.ask(lifted.keys[key], _in_each(table, own.count))
    _ask_networks(engine, lifted, program, asked, own.count)
    whole = engine.run(lifted.rules, {key: rows for key, rows in seeds.items() if key not in lifted.keys})
    core.rules.extend(lifted.core.rules[len(core.rules) :])  # those of aggregates, which come with the grounding
    return SampleGraphs.of(whole, core, {new: old for old, new in lifted.keys.items()}, own.count)


def _in_each(rows: Ids, count: int) -> Ids:
    """(count * n, 1 + arity): rows that hold in every sample."""
    numbers = np.repeat(np.arange(count, dtype=np.int32), len(rows))
    return np.concatenate([numbers[:, None], np.tile(rows, (count, 1))], axis=1)


def _ask_networks(engine: Engine, lifted: Lifted, program: Program, queries: list[Atom], count: int) -> None:
    """Ask networks about the queries' constants where samples may have given the answer; the engine asks the rest."""
    for atom in [*queries, *(s.atom for s in (*program.queries, *program.evidence))]:
        declaration = program.neural.get(atom.key)
        if declaration is None or atom.key not in lifted.keys:
            continue
        inputs = atom.args[: len(atom.args) - (declaration.values is not None)]
        if all(isinstance(t, Const) for t in inputs):
            ids = engine.builder.symbols.intern_many(t.value for t in inputs if isinstance(t, Const))
            engine.neural.ask_rows(lifted.keys[atom.key], _in_each(ids.reshape(1, -1), count))


@dataclass(frozen=True)
class _Places(Sequence[Place]):
    """Where the facts of samples come from: the sample's number."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Place:  # pyright: ignore[reportIncompatibleMethodOverride]
        return sample_place(index)


class _Given:
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


class _Loader:
    """Loads what the engine begins with: common facts once, those that may differ between samples for each of them.

    Attributes:
        common: the shared facts of predicates that do not depend on samples.
    """

    def __init__(self, lifted: Lifted, given: _Given, shared: FactBase, count: int) -> None:
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
        places = load_facts(builder, program, base, queries)
        first = len(base.places)  # of the statements' places
        places.append(Place("samples"))
        parts: dict[Key, list[tuple[Ids, Ids]]] = {}
        for key, rows in self.given.tables.items():
            parts[key] = [(rows, np.full(len(rows), len(places) - 1, np.int32))]
        for key, rows, where in self._spread(program):
            parts.setdefault(key, []).append((_in_each(rows, self.count), np.tile(where, self.count)))
        weighted: dict[Key, list[GroundFact]] = {}
        for fact in self.lifted.facts:
            if fact.weight is not None or fact.parameter is not None:
                weighted.setdefault(fact.key, []).append(fact)
                continue
            row = np.array(fact.args, np.int32).reshape(1, -1)
            where = np.full(self.count, first + fact.statement, np.int32)
            parts.setdefault(fact.key, []).append((_in_each(row, self.count), where))
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
            rows = _in_each(np.array(fact.args, np.int32).reshape(1, -1), self.count)
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
