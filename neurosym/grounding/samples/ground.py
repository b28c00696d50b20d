"""Many small groundings as one: the facts of all samples through one run of the engine.

The program is lifted (`lifted`), so that its rules range over samples, and what they derive is cut up by sample
afterwards. Samples whose parts have the same structure share one graph (`sample_shapes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from neurosym.errors import GroundingError
from neurosym.facts import FactBase
from neurosym.grounding.builder import Limits
from neurosym.grounding.demand import Seeds, restricted
from neurosym.grounding.engine import Engine, Progress
from neurosym.grounding.normalise import normalise
from neurosym.grounding.samples.facts import Fact, Samples
from neurosym.grounding.samples.graphs import SampleGraphs
from neurosym.grounding.samples.lifted import SAMPLE, Lifted, lift
from neurosym.grounding.samples.load import Given, Loader, in_each
from neurosym.grounding.tables import matched
from neurosym.lang.ast import Atom, Const, Program


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
    own, asked = Samples.of(samples, program), list(queries)
    base, _ = matched(program, shared or FactBase())
    if program.opened:
        names = ", ".join(f"`{n}/{k}`" for n, k in sorted(program.opened))
        raise GroundingError(
            f"samples of a program with open predicates cannot be grounded together yet: {names}", code="NS905",
            help="ground them one by one, or leave `open` out",
        )  # fmt: skip
    symbols = base.symbols.copy()
    core = normalise(program, symbols, asked)
    given = Given(program, core, symbols, own, base, asked)
    seeds: Seeds = {}
    rules = list(enumerate(core.rules))
    if demand:
        rules, seeds = restricted(core, program, asked, symbols)
    lifted = lift(core, rules, given.tables)
    loader = Loader(lifted, given, base, own.count)
    engine = Engine(
        program, lifted.core, loader.common, symbols, slots, limits or Limits(), closed_networks, progress, asked, True,
        load=loader,
    )  # fmt: skip
    numbers = np.arange(own.count, dtype=np.int32)
    engine.builder.ask(SAMPLE, numbers[:, None])
    for key, rows in seeds.items():
        if key in lifted.keys:
            table = np.array(list(rows), np.int32).reshape(len(rows), key[1])
            engine.builder.ask(lifted.keys[key], in_each(table, own.count))
    _ask_networks(engine, lifted, program, asked, own.count)
    whole = engine.run(lifted.rules, {key: rows for key, rows in seeds.items() if key not in lifted.keys})
    core.rules.extend(lifted.core.rules[len(core.rules) :])  # those of aggregates, which come with the grounding
    return SampleGraphs.of(whole, core, {new: old for old, new in lifted.keys.items()}, own.count)


def _ask_networks(engine: Engine, lifted: Lifted, program: Program, queries: list[Atom], count: int) -> None:
    """Ask networks about the queries' constants where samples may have given the answer; the engine asks the rest."""
    for atom in [*queries, *(s.atom for s in (*program.queries, *program.evidence))]:
        declaration = program.neural.get(atom.key)
        if declaration is None or atom.key not in lifted.keys:
            continue
        inputs = atom.args[: len(atom.args) - (declaration.values is not None)]
        if all(isinstance(t, Const) for t in inputs):
            ids = engine.builder.symbols.intern_many(t.value for t in inputs if isinstance(t, Const))
            engine.neural.ask_rows(lifted.keys[atom.key], in_each(ids.reshape(1, -1), count))
