"""What grounding will cost, before anything runs: facts, firings, memory and time, and the rule that hurts most."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurosym.facts import FactBase
from neurosym.grounding.asked import evaluated, with_values
from neurosym.grounding.bodies import SLOT_TYPES
from neurosym.grounding.builder import Limits
from neurosym.grounding.cost.growth import Growth, Tally
from neurosym.grounding.cost.reasons import Reasons
from neurosym.grounding.cost.sampling import measure
from neurosym.grounding.cost.statistics import Relation
from neurosym.grounding.load import mentioned
from neurosym.grounding.normalise import normalise
from neurosym.grounding.tables import matched
from neurosym.lang.ast import Atom, Const, Program
from neurosym.lang.terms import Symbol

FACT_BYTES, LITERAL_BYTES = 60, 10  # of a fact with its columns and indexes, of a body literal of a firing
# on one core, as `python -m benchmarks.grounding` finds them on closures, and for many small rules (`mixed`)
FIRINGS_PER_SECOND, FACTS_PER_SECOND, RULES_PER_SECOND = 20e6, 8e6, 2_500
SECONDS = 0.3  # for samples of recursions, all of them together


@dataclass(frozen=True)
class RuleForecast:
    """What one statement is expected to do, the groups inside it included.

    Attributes:
        label: its name or place; `place`: where it stands.
        facts: new facts that it derives; `firings`: its groundings; `join`: rows of its largest join.
        recursive, sampled: whether it is, and whether the figures were scaled up from a sample.
        unbounded: nothing in the program ends its recursion.
        reason: what makes it cost that much.
    """

    label: str
    place: str
    facts: int
    firings: int
    join: int
    recursive: bool
    sampled: bool
    unbounded: bool
    reason: str


@dataclass(frozen=True)
class Forecast:
    """The expected cost of grounding a program.

    Attributes:
        rules: in the order of the program, facts of the text left out.
        given: input facts; `facts`: all, derived ones and leaves of choices included; `firings`: groundings.
        bytes: of the graph; `seconds`: of grounding, at stated rates.
        limits: limits that would be hit, such as `facts` or `firings` (an option's name without `--max-`).
        worst: the rule that costs most, None if no rule fires.
        sampled: whether some figures come from a sample.
    """

    rules: tuple[RuleForecast, ...]
    given: int
    facts: int
    firings: int
    bytes: int
    seconds: float
    limits: tuple[str, ...]
    worst: RuleForecast | None
    sampled: bool

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{r.label}: {r.facts:,} facts, {r.firings:,} firings: {r.reason}" for r in self.rules]
        return "\n".join([*lines, f"{self.summary()}; {self.verdict()}"])

    def summary(self) -> str:
        """One line: the totals."""
        return f"about {self.facts:,} facts and {self.firings:,} firings, {megabytes(self.bytes)}, {self.seconds:.2g} s"

    def verdict(self) -> str:
        """One line: the limits that would be hit, or that none would."""
        hit = " and ".join(f"--max-{name}" for name in self.limits)
        return f"would stop at {hit}" if hit else "stays within the limits"


def forecast(
    program: Program,
    facts: FactBase | None = None,
    queries: Iterable[Atom] = (),
    *,
    slots: Sequence[str] | None = None,
    limits: Limits | None = None,
    sample: bool = True,
    seed: int = 0,
) -> Forecast:
    """Estimate what `ground` would derive, from statistics of the facts.

    The columns of the facts are counted, exactly; sizes of joins between them follow from the counts, and the facts of
    rules are estimated as if their columns were independent. Recursions are followed for a sample of values, in at
    most 0.3 s, where an argument can be sampled. The program as a whole is not grounded.

    Args:
        queries: atoms asked about later, as in `ground`.
        slots: names of the per-sample inputs; by default the names that the queries give.
        limits: those of the run that is foreseen.
        sample: whether recursions may be sampled; `seed`: of the samples.

    Raises:
        RuleError: statements that cannot be evaluated yet.
        GroundingError: a rule has no order of its literals that binds all variables.
    """
    base, _ = matched(program, facts or FactBase())
    asked, limits = [evaluated(atom) for atom in queries], limits or Limits()
    program = with_values(program)
    symbols = base.symbols.copy()
    core = normalise(program, symbols, asked)
    wanted = mentioned(core, symbols, program, asked)
    atoms = [*asked, *(s.atom for s in (*program.queries, *program.evidence))]
    inputs = sample_inputs(program, atoms) if slots is None else list(slots)
    growth = Growth(core, symbols, base, wanted, symbols.intern_many(Symbol(s) for s in inputs), float(limits.facts))
    _ask_queries(growth, atoms)
    left = SECONDS if sample else 0.0
    for component in growth.components():
        if growth.component(component) and left > 0:
            began = time.monotonic()
            measure(growth, component, left, seed)
            left -= time.monotonic() - began
    reasons = Reasons(growth, base.prefixes | program.prefixes)
    return _assemble(program, growth, reasons, limits)


def sample_inputs(program: Program, atoms: Iterable[Atom]) -> list[str]:
    """Names in the queries, if a network looks at per-sample inputs: then they are most often the inputs' names."""
    kinds = {a.type.kind for d in program.neural.values() for a in d.args}
    if not kinds & set(SLOT_TYPES):
        return []
    names = {t.value.name for a in atoms for t in a.args if isinstance(t, Const) and isinstance(t.value, Symbol)}
    return sorted(names)


def _ask_queries(growth: Growth, atoms: Iterable[Atom]) -> None:
    """Networks are asked about the constants of queries."""
    for atom in atoms:
        declaration = growth.core.neural.get(atom.key)
        if declaration is not None:
            width = len(atom.args) - (declaration.values is not None)
            terms = [t.value for t in atom.args[:width] if isinstance(t, Const)]
            if len(terms) == width:
                rows = growth.symbols.intern_many(terms).reshape(1, width)
                growth.ask(atom.key, Relation.given(rows, len(growth.symbols)))


def _assemble(program: Program, growth: Growth, reasons: Reasons, limits: Limits) -> Forecast:
    cap = float(limits.facts)
    of: dict[int, list[tuple[int, Tally]]] = {}
    for number, (rule, tally) in enumerate(zip(growth.core.rules, growth.tallies, strict=True)):
        of.setdefault(rule.statement, []).append((number, tally))
    rules = []
    for statement, tallies in sorted(of.items()):
        rule = program.rules[statement]
        unbounded = any(t.unbounded for _, t in tallies)
        derived = sum(t.facts for _, t in tallies)
        rules.append(RuleForecast(
            rule.label, str(rule.span), _whole(max(derived, cap) if unbounded else derived),
            _whole(sum(t.firings for _, t in tallies)), _whole(max(t.join for _, t in tallies)),
            any(t.recursive for _, t in tallies), any(t.sampled for _, t in tallies), unbounded,
            reasons.of(tallies),
        ))  # fmt: skip
    facts = growth.inputs + growth.extra_facts + sum(t.facts + t.leaves for t in growth.tallies)
    facts = max(facts, cap) if any(r.unbounded for r in rules) else facts
    firings = growth.extra_firings + sum(t.firings for t in growth.tallies)
    size = FACT_BYTES * facts + LITERAL_BYTES * sum(t.firings * max(t.literals, 1) for t in growth.tallies)
    seconds = firings / FIRINGS_PER_SECOND + facts / FACTS_PER_SECOND + len(growth.tallies) / RULES_PER_SECOND
    active = [r for r in rules if r.firings or r.join]
    worst = max(active, key=lambda r: (r.unbounded, max(r.firings, r.join)), default=None)
    return Forecast(
        tuple(rules), _whole(growth.inputs), _whole(facts), _whole(firings), _whole(size), seconds,
        _hit(limits, facts, max([firings, *(float(r.join) for r in rules)]), size, seconds, rules), worst,
        any(r.sampled for r in rules),
    )  # fmt: skip


def _hit(
    limits: Limits, facts: float, firings: float, size: float, seconds: float, rules: Sequence[RuleForecast]
) -> tuple[str, ...]:
    memory = getattr(limits, "memory", None)  # bytes, where grounding has such a limit
    unbounded = any(r.unbounded for r in rules)
    found = {
        "facts": facts > limits.facts or unbounded,
        "firings": firings > limits.firings,
        "memory": bool(memory) and size > memory,
        "seconds": seconds > limits.seconds,
    }
    return tuple(name for name, hit in found.items() if hit)


def _whole(number: float) -> int:
    return round(min(number, 1e18)) if np.isfinite(number) else 10**18


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)):,} MB"


__all__ = ["Forecast", "RuleForecast", "forecast", "megabytes", "sample_inputs"]
