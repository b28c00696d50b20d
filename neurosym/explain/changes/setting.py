"""What was asked, over which program and facts; a changed one is asked again from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

from neurosym.errors import ExplanationError
from neurosym.explain.words import Words
from neurosym.facts import FactBase
from neurosym.facts.factbase import Key
from neurosym.grounding.asked import constants_evaluated
from neurosym.grounding.builtins import constant_weight
from neurosym.grounding.core import TRIPLE, CoreAtom, CoreProgram
from neurosym.grounding.ground import Prepared, prepared
from neurosym.lang.ast import Atom, Const, Program, Rule, Statement
from neurosym.lang.terms import Iri, Value
from neurosym.reasoner import Answers, Reasoner

Args = tuple[int, ...]
Ground = tuple[Key, Args]  # an atom under the predicate that holds its facts, and its term ids


@dataclass(frozen=True, eq=False)
class TextFact:
    """A fact of the rule text: which atom of which statement; `weight`: its current probability, None if certain."""

    rule: Rule
    atom: Atom
    weight: float | None


@dataclass(frozen=True, eq=False)
class Record:
    """Where a fact is recorded.

    Attributes:
        stored: the predicate and the arguments under which the fact base keeps it, or None.
        texts: the statements that give it.
    """

    stored: tuple[str, tuple[Value, ...]] | None
    texts: tuple[TextFact, ...]

    @property
    def certain(self) -> bool:
        """Whether it holds for sure."""
        return self.stored is not None or any(t.weight is None for t in self.texts)


class Setting:
    """The program, facts and question behind one answer.

    Attributes:
        atom: what was asked; `sample`: which row of the inputs.
        observed: the evidence, that of the program and that about atoms that cannot be derived included.
        tables: predicate → the tables of the fact base that hold its facts, see `stored_as`.
    """

    def __init__(self, answers: Answers, position: int, sample: int = 0, language: str = "en") -> None:
        if answers.reasoner is None:
            raise ExplanationError("these answers do not know their reasoner", code="NS801")
        self.answers, self.sample = answers, sample
        self.reasoner: Reasoner = answers.reasoner
        self.base: FactBase = answers.grounded.leaves.facts
        self.program: Program = self.reasoner.program
        self.atom = asked_atom(answers, position)
        self.observed = answers.observed
        self.tables: dict[Key, list[tuple[Key, CoreAtom]]] = {}
        self.language = language

    @cached_property
    def words(self) -> Words:
        """Atoms in the expert's words."""
        return Words(self.answers.grounded.graph, self.program, self.base.labels(self.language))

    @cached_property
    def normal(self) -> Prepared:
        """The normal form of the program, over a symbol table of its own."""
        return prepared(self.program, self.base, [self.atom])

    @property
    def core(self) -> CoreProgram:
        """The flat rules."""
        return self.normal.core

    @cached_property
    def learned(self) -> dict[int, list[float]]:
        """Python's id of a learnable rule → its probabilities as they are now."""
        return {id(self.program.rules[s]): found for s, found in self.reasoner.statement_weights().items()}

    def weight_of(self, rule: Rule, alternative: int = 0) -> float | None:
        """The weight of one of a rule's alternatives as it is now; None if it has none, or one for each case."""
        if id(rule) in self.learned:
            return self.learned[id(rule)][alternative]
        return constant_weight(rule.exception_weight or (rule.heads[alternative].weight if rule.heads else None))

    def ground(self, atom: Atom) -> Ground:
        """A ground atom in term ids, under the predicate that holds its facts."""
        core = self.pattern(atom)
        assert all(isinstance(a, int) for a in core.args)
        return core.key, core.args  # pyright: ignore[reportReturnType]

    def pattern(self, atom: Atom) -> CoreAtom:
        """An atom in term ids, None for a variable, under the predicate that holds its facts."""
        ids = tuple(self.normal.symbols.intern(t.value) if isinstance(t, Const) else None for t in atom.args)
        return self.core.canonical(CoreAtom(atom.key, ids), self.normal.symbols)

    def plain(self, ground: Ground) -> tuple[str, tuple[Value, ...]]:
        """A ground atom as a fact base takes it."""
        key, values = ground[0], tuple(self.normal.symbols.values(ground[1]))
        if key == TRIPLE and isinstance(values[1], Iri):
            return f"<{values[1].value}>", (values[0], values[2])
        return key[0], values

    def sentence(self, ground: Ground) -> str | None:
        """A ground atom by its predicate's label; None where it has none."""
        name, values = self.plain(ground)
        return self.words.template((name, len(values)), values)

    def spell(self, ground: Ground) -> str:
        """A ground atom as the answers spell it."""
        name, values = self.plain(ground)
        prefixes = self.base.prefixes | self.program.prefixes
        return self.program.notation.atom((name, len(values)), values, prefixes)

    # ------------------------------------------------------------------------------------------------- records

    @cached_property
    def text_facts(self) -> dict[Ground, list[TextFact]]:
        """The facts of the rule text whose probability is a number, by atom."""
        excepted = {r.exception_to for r in self.program.rules}
        found: dict[Ground, list[TextFact]] = {}
        for rule in self.program.rules:
            if not rule.is_fact or len(rule.heads) != 1 or rule.exception_to is not None:
                continue
            if rule.name is not None and rule.name in excepted:
                continue  # an exception would have nothing left to except
            head, probability = rule.heads[0], None
            if head.weight is not None:
                probability = self.weight_of(rule)
                if probability is None or (len(head.atoms) > 1 and id(rule) not in self.learned):
                    continue
            for atom in head.atoms:
                valued = constants_evaluated(atom)
                if all(isinstance(t, Const) for t in valued.args):
                    found.setdefault(self.ground(valued), []).append(TextFact(rule, atom, probability))
        return found

    # ------------------------------------------------------------------------------------------------- running

    def changed(
        self, removed: Mapping[Ground, Record], added: list[Ground], swapped: Mapping[int, Statement] | None = None,
        extra: tuple[Statement, ...] = (),
    ) -> Reasoner:  # fmt: skip
        """The reasoner over a changed program and facts.

        Args:
            removed: recorded facts that go; `added`: facts that come.
            swapped: the rule or constraint that stands in place of another, by Python's id of that; `extra`: further
                statements.
        """
        gone: dict[int, set[int]] = {}
        for record in removed.values():
            for text in record.texts:
                gone.setdefault(id(text.rule), set()).add(id(text.atom))
        statements: list[Statement] = []
        for statement in self.program.statements:
            statement = (swapped or {}).get(id(statement), statement)
            atoms = gone.get(id(statement))
            if atoms is not None and isinstance(statement, Rule):
                left = tuple(a for a in statement.heads[0].atoms if id(a) not in atoms)
                if not left:
                    continue
                statement = replace(statement, heads=(replace(statement.heads[0], atoms=left),))
            statements.append(statement)
        base = self.base
        stored = [r.stored for r in removed.values() if r.stored is not None]
        if stored:
            base = base - FactBase.from_facts(stored)
        if added:
            base = base + FactBase.from_facts([self.plain(g) for g in added], "changed")
        return self._over(replace(self.program, statements=(*statements, *extra)), base)

    def _over(self, program: Program, base: FactBase) -> Reasoner:
        """The reasoner over another program, whose learnable statements keep their weights."""
        before = self.reasoner
        logits = {
            id(before.program.rules[p.statement]): before.weight_logits[k] for k, p in enumerate(before.learnable)
        }
        other = before.over(base, program=program)
        other._known_keys |= before._own_keys | before.facts.predicates  # also one whose last fact is gone
        other.weight_logits = nn.ParameterList([logits[id(program.rules[p.statement])] for p in other.learnable])
        same = [a is b for a, b in zip(before.program.constraints, program.constraints, strict=True)]
        if not all(same):
            kept = {k: p for k, p in before.constraint_logits.items() if same[int(k)]}
            other.constraint_logits = nn.ParameterDict(kept)
        return other

    def run(self, reasoner: Reasoner, queries: tuple[Atom, ...] = ()) -> Answers:
        """Ask a changed reasoner the same, or something else.

        Raises:
            SemanticsError: among others, what was observed cannot be.
        """
        answers = self.answers
        printer = self.program.notation.printer(self.base.prefixes | self.program.prefixes)
        with torch.no_grad():
            return reasoner.query(
                *(queries or (self.atom,)), inputs=answers.inputs or None,
                evidence={printer.atom(atom): seen for atom, seen in self.observed},
                semantics=answers.algebra or ("exact" if answers.logic is None else answers.logic.inference.settings),
            )  # fmt: skip

    def bounds(self, answers: Answers) -> tuple[float, float]:
        """Between which numbers the tag of the only answer lies."""
        if not answers.atoms:
            return 0.0, 0.0
        return float(answers.lower[self.sample, 0]), float(answers.upper[self.sample, 0])


def asked_atom(answers: Answers, position: int) -> Atom:
    """The ground atom of an answer."""
    graph, fact = answers.grounded.graph, answers.facts[position]
    if fact >= 0:
        return graph.ground_atom(fact)
    if answers.logic is not None:  # constraints speak of atoms that are no facts
        formulas = answers.logic.formulas
        for atom in range(graph.num_facts, formulas.num_atoms):
            if formulas.spell_atom(atom) == answers.atoms[position]:
                key, values = formulas.key_of(atom), graph.symbols.values(list(formulas.terms_of(atom)))
                return Atom(key[0], tuple(map(Const, values)))
    for atom in answers.query:
        if all(isinstance(t, Const) for t in atom.args) and answers.grounded.spell(atom) == answers.atoms[position]:
            return atom
    raise ExplanationError(f"`{answers.atoms[position]}` is no ground atom", code="NS800")
