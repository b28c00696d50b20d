"""One certificate against one program and its facts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.lang.ast import Program, Query, Var
from neurosym.lang.printer import to_text
from neurosym.lang.terms import spell
from neurosym.verify.rules.basis import Basis
from neurosym.verify.rules.choices import compare_choices
from neurosym.verify.rules.claims import as_fact, asked_body, observed, with_queries
from neurosym.verify.rules.compare import Comparison, Identities
from neurosym.verify.rules.data import Data, Facts, by_predicate
from neurosym.verify.rules.form import GroundAtom, TooLarge
from neurosym.verify.rules.groundings import Groundings
from neurosym.verify.rules.join import Join
from neurosym.verify.rules.names import Names
from neurosym.verify.rules.normal import NormalForm
from neurosym.verify.rules.shown import Shown
from neurosym.verify.rules.solve import Solver
from neurosym.verify.rules.terms import Terms
from neurosym.verify.rules.trace import Trace, read_trace
from neurosym.verify.structure import GroundProgram, fault

ASKED = "<query>"  # the file of queries that no rule file holds


@dataclass(frozen=True)
class Given:
    """What a certificate is checked against.

    Attributes:
        program: checked rules; `facts`: data beside the facts of the rule text, of plain values.
        evidence: literals that were observed true or false beside the rules' own evidence; None if nobody knows.
        weights: statement → learned weights of its outcomes; `constraints`: number → the learned weight of a
            constraint; `operands`: the weights of the operands of all connectives of the constraints, as they are
            written, and the biases of the connectives, both empty where these are not learned; None if nobody knows.
        hashes: of the rules and the facts, where they are known already: they are not computed again.
        max_work: steps of deriving; `max_rows`: facts that are read; `max_results`: of one aggregate.
    """

    program: Program
    facts: Facts = ()
    evidence: Iterable[tuple[str, bool]] | None = None
    weights: Mapping[int, Sequence[float]] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    max_work: int = 1_000_000
    max_rows: int = 1_000_000
    max_results: int = 10_000
    constraints: Mapping[int, float] | None = None
    operands: tuple[Sequence[float], Sequence[float]] | None = None


@dataclass(frozen=True)
class Findings:
    """What was confirmed, in words, and what was not looked at.

    `basis` is what further facts can be asked of, where nothing can be missing.
    """

    checked: tuple[str, ...]
    unchecked: tuple[str, ...]
    basis: Basis | None = None


def compare_with(certificate: Mapping[str, Any], found: GroundProgram, given: Given, absorbs: bool) -> Findings:
    """Check the steps of a certificate.

    Args:
        absorbs: whether the semantics takes certain facts for granted, whatever derives them.

    Raises:
        ExplanationError: NS818, NS824 to NS829 and NS831 to NS834.
    """
    trace = read_trace(certificate, found)
    check_hashes(found, given)
    labels = [g.rule for g in found.groundings]
    program = with_queries(given.program, labels)
    if found.kinds[found.claim] == "absent":
        asked = asked_body(found.atoms[found.claim], program)
        program = program if asked is None else replace(program, statements=(*program.statements, asked))
    run = _Run(trace, found, replace(given, program=program), absorbs)
    try:
        run.compare(complete=True)
    except TooLarge as limit:
        return _steps_only(trace, found, run.given, absorbs, str(limit))
    except RecursionError:
        return _steps_only(trace, found, run.given, absorbs, "the depth of an expression")
    checked = [
        "the rules and the facts are those of the certificate, by their hashes",
        "each ground rule is an instance of its rule, and none was left out",
        "each certain fact is given or derived, each absent atom is neither",
        "each choice is one that the rules make, with its weight",
    ]
    return Findings(tuple(checked), tuple(run.unchecked), run.basis)


def _steps_only(trace: Trace, found: GroundProgram, given: Given, absorbs: bool, limit: str) -> Findings:
    """Where not everything can be derived: what the certificate says, step by step."""
    run = _Run(trace, found, given, absorbs)
    checked = ["the rules and the facts are those of the certificate, by their hashes"]
    try:
        run.compare(complete=False)
        checked.append("each ground rule is an instance of its rule")
        checked.append("each choice is one that the rules make, with its weight")
    except TooLarge as again:
        run.unchecked.append(
            f"that the ground rules are instances of the rules: {again} is more than a check goes through"
        )
    reason = f"{limit} is more than a check goes through"
    run.unchecked += [f"that no grounding was left out: {reason}", "that absent atoms cannot be derived"]
    if run.believed:
        run.unchecked.append(f"that {len(run.believed)} certain facts can be derived, {run.believed[0]} among them")
    return Findings(tuple(checked), tuple(run.unchecked))


def rules_sha256(program: Program) -> str:
    """The hash of rules as explanations have it: of the program as it is printed, without what was asked elsewhere."""
    own = tuple(s for s in program.statements if not (isinstance(s, Query) and s.span.file == ASKED))
    whole = program if len(own) == len(program.statements) else replace(program, statements=own)
    return hashlib.sha256(to_text(whole).encode()).hexdigest()


def facts_sha256(facts: Facts) -> str:
    """The hash of facts as explanations have it: of the spelled facts, in order."""
    digest = hashlib.sha256()
    rows = ((key[0], row) for key, table in by_predicate(facts).items() for row in table)
    for line in sorted(f"{name}({', '.join(map(spell, args))})" for name, args in rows):
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def check_hashes(found: GroundProgram, given: Given) -> None:
    """See that rules and facts are those of the certificate.

    Raises:
        ExplanationError: NS825.
    """
    made = {"rules": lambda: rules_sha256(given.program), "facts": lambda: facts_sha256(given.facts)}
    for name, compute in made.items():
        if (given.hashes.get(name) or compute()) != found.hashes[name]:
            raise fault("NS825", f"the certificate was made from other {name} than those that are given")


class _Run:
    """One comparison."""

    def __init__(self, trace: Trace, found: GroundProgram, given: Given, absorbs: bool) -> None:
        self.trace, self.found, self.given, self.absorbs = trace, found, given, absorbs
        program = given.program
        for prefix, iri in program.prefixes.items():
            if trace.prefixes.get(prefix, iri) != iri:
                raise fault("NS824", f"the certificate's prefix `{prefix}:` is not that of the rules")
        terms = Terms(program.notation.decimals)
        self.names = Names(program, terms, trace.prefixes, trace.triples)
        self.normal = NormalForm(program, self.names, terms)
        self.data = Data(self.normal, given.facts, given.max_rows)
        self.join = Join(terms, self.normal.asked, self.normal.rules, given.max_work)
        self.identities = Identities(found, trace, program, self.names)
        self.unchecked: list[str] = []
        self.believed: list[str] = []
        self.basis: Basis | None = None

    def compare(self, complete: bool) -> None:
        """Compare with all that can be derived, or with what the certificate says.

        Raises:
            TooLarge: deriving is too much.
        """
        normal, given = self.normal, self.given
        if complete:
            source = Solver(normal, self.data, self.join, self.trace.inputs, self.trace.closed, given.max_results)
        else:
            source = Shown(self.identities, normal, self.data, given.program, given.max_results)
            self.believed = source.derived
        groundings = Groundings(normal, self.join, source, self.identities.order, given.max_results)
        comparison = Comparison(self.identities, self.data, groundings, self.absorbs, complete)
        numbers = [self.found.claim, *self.found.evidence]
        comparison.walk([(n, self._fact(n, source)) for n in dict.fromkeys(numbers)])
        self.basis = Basis(comparison, given.program, given.facts, given.weights, self.names.prefixes)
        if compare_choices(self.found, comparison.leaves, given.weights):
            self.unchecked.append("what the learned weights are")
        if any(c.kind == "neural" for c in self.found.choices):
            self.unchecked.append("what the networks say")
        elif self.trace.closed and normal.asked.neural:
            self.unchecked.append("that no network was asked")
        self._observed(source)

    def _fact(self, number: int, source: Solver | Shown) -> GroundAtom:
        """The fact that an atom of the certificate is."""
        atom, program = self.found.atoms[number], self.given.program
        try:
            return as_fact(atom, self.names, program)
        except ExplanationError:
            for query in program.queries:
                if query.rule is not None:
                    for row, _ in source.finished(query.atom.key, (None,) * len(query.atom.args)):
                        if self.names.spell(query.atom.key, row) == atom:
                            return query.atom.key, row
                    if self.found.kinds[number] == "absent" and self.names.spell(query.atom.key, ()) == atom:
                        return query.atom.key, ()
            raise

    # ---------------------------------------------------------------------------------------------- observations

    def _observed(self, source: Solver | Shown) -> None:
        """See that what was observed is what the rules, and who asked, say.

        Raises:
            ExplanationError: NS833.
        """
        if self.found.kinds[self.found.claim] == "absent":
            return  # it has probability 0 whatever was observed, and its certificate says nothing of it
        program, evidence = self.given.program, self.given.evidence
        asked = [(e.atom, e.positive) for e in program.evidence]
        asked += [observed(text, holds, self.names, program) for text, holds in evidence or ()]
        known: dict[int, bool] = {}
        for atom, holds in asked:
            args = tuple(a.name if isinstance(a, Var) else self.names.number(a) for a in atom.args)
            key, args = self.names.canonical(atom.key, args)
            rows = [row for row, _ in source.finished(key, tuple(a if isinstance(a, int) else None for a in args))]
            rows = [r for r in rows if len({(a, n) for a, n in zip(args, r, strict=True)}) == len(set(args))]
            if holds and not rows:
                raise fault("NS833", f"{self.identities.shown((key, args))} was observed, and cannot be derived")
            for row in rows:
                number = self.identities.number((key, row))
                if number is None or self.found.evidence.get(number) is not holds:
                    shown = self.identities.shown((key, row))
                    raise fault("NS833", f"{shown} was observed {'true' if holds else 'false'}, and is not said to be")
                known[number] = holds
        more = [self.found.atoms[n] for n in self.found.evidence if n not in known]
        if more and evidence is not None:
            raise fault("NS833", f"{more[0]} is said to be observed, and was not")
        if more:
            self.unchecked.append(f"that {', '.join(more[:3])}{' …' if len(more) > 3 else ''} was observed as it says")
