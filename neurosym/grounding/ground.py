"""Grounding: Program + FactBase -> DerivationGraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from neurosym.facts import FactBase, SymbolTable
from neurosym.grounding.asked import evaluated, with_values
from neurosym.grounding.builder import Limits
from neurosym.grounding.core import RDF_TYPE_PREDICATE, TRIPLE, CoreProgram, Key
from neurosym.grounding.demand import Seeds, restricted
from neurosym.grounding.engine import Engine, Progress
from neurosym.grounding.graph import DerivationGraph
from neurosym.grounding.normalise import normalise
from neurosym.grounding.open_facts import OpenFacts, needs_closed_world
from neurosym.grounding.previous import compare
from neurosym.grounding.tables import matched
from neurosym.lang.ast import Atom, Program

Mode = Literal["firings", "boolean"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A program in normal form, over the terms of some facts and its own; good for one grounding, which adds to both.

    Attributes:
        program, base: what it was made from.
    """

    program: Program
    base: FactBase
    symbols: SymbolTable
    core: CoreProgram

    def serves(self, program: Program, base: FactBase, queries: Sequence[Atom]) -> bool:
        """Whether it is that of a program and facts, also if queries speak of triples: that changes a normal form."""
        same = program is self.program and base is self.base
        return same and (self.core.triple_mode or all(a.key not in (TRIPLE, RDF_TYPE_PREDICATE) for a in queries))


def prepared(program: Program, base: FactBase, queries: Sequence[Atom] = ()) -> Prepared:
    """Bring a program into normal form.

    Raises:
        RuleError: statements that cannot be evaluated yet.
    """
    symbols = base.symbols.copy()
    symbols.decimals = program.notation.decimals
    return Prepared(program, base, symbols, normalise(program, symbols, queries))


def ground(
    program: Program,
    facts: FactBase | None = None,
    *,
    slots: Sequence[str] = (),
    queries: Iterable[Atom] = (),
    limits: Limits | None = None,
    closed_networks: bool = False,
    open_world: bool = True,
    progress: Progress | None = None,
    mode: Mode = "firings",
    demand: bool = False,
    previous: DerivationGraph | None = None,
    normal: Prepared | None = None,
) -> DerivationGraph:
    """Evaluate a program over facts.

    Args:
        slots: names of the per-sample inputs (`a`, `b`), over which free `Image`, `Text`, `Tensor` arguments range.
        queries: atoms asked about later: their facts are loaded, and networks are asked about their constants, even if
            no rule speaks of them.
        closed_networks: treat neural facts that are not given as absent (an expert's tests run without networks).
        open_world: absent atoms of `open` predicates are unknown; else they are false like all others.
        progress: called with a line of text now and then.
        mode: `firings` records every grounding; `boolean` keeps facts and their ranks only, for closures that need no
            gradient, and `proofs_of` rebuilds proofs on demand.
        demand: ground only what the queries (the program's own if none are given) and the evidence can reach, with the
            arguments that they bind (magic sets). Facts that no query asks for may be missing then. A program with
            open predicates is grounded as a whole.
        previous: a graph of the same program, questions and mode over other facts, of which these are an extension or
            a part (`facts + more`, `facts - some`): what does not depend on the difference is taken from it.
        normal: the normal form, if it was made before; it is used up.

    Raises:
        RuleError: statements that cannot be evaluated yet.
        GroundingError: an expression in a query or in evidence has no value, among others.
        FactError: NS308, the columns of a table contradict the arguments.
        LimitError: a limit was hit; names the rule or predicate.
    """
    base, _ = matched(program, FactBase() if facts is None else facts)
    asked = [evaluated(atom) for atom in queries]
    if normal is None or not normal.serves(program, base, asked):
        normal = prepared(program, base, asked)
    symbols, core, program = normal.symbols, normal.core, with_values(program)
    rules = [(number, rule) for number, rule in enumerate(core.rules)]
    seeds: Seeds = {}
    opened = bool(core.open) and open_world
    if demand and not opened:
        rules, seeds = restricted(core, program, asked, symbols)
    record = mode == "firings"
    kept = None
    if previous is not None:
        kept = compare(previous, base, core, [rule for _, rule in rules], record)
    engine = Engine(
        program, core, base, symbols, slots, limits or Limits(), closed_networks, progress, asked, record, kept
    )  # fmt: skip
    if opened:
        closed = None
        if needs_closed_world(core):
            closed = ground(
                program, base, slots=slots, queries=asked, limits=limits, closed_networks=closed_networks,
                open_world=False, progress=progress,
            )  # fmt: skip
        engine.open = OpenFacts(engine.builder, closed)
    return engine.run(rules, seeds)


def relation_sizes(graph: DerivationGraph) -> dict[Key, int]:
    """Predicate → number of facts, hidden ones left out."""
    return {k: len(r) for k, r in zip(graph.predicates, graph.rows, strict=True) if k not in graph.program.hidden}
