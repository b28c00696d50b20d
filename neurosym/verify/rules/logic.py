"""The theory of a certificate under `bounds` against the rules, the constraints and the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from neurosym.lang.ast import Const, Var
from neurosym.verify.logic.read import Asserted, Logic
from neurosym.verify.rules.against import Findings, Given, check_hashes
from neurosym.verify.rules.choices import compare_choices
from neurosym.verify.rules.claims import as_fact, observed, terms_of, with_queries
from neurosym.verify.rules.compare import Comparison, Identities
from neurosym.verify.rules.data import Data
from neurosym.verify.rules.form import GroundAtom, Part, TooLarge
from neurosym.verify.rules.formulas import Formulas, Operands, matched
from neurosym.verify.rules.groundings import Groundings
from neurosym.verify.rules.join import Env, Join
from neurosym.verify.rules.names import Names
from neurosym.verify.rules.normal import NormalForm
from neurosym.verify.rules.sentences import label_of, literals
from neurosym.verify.rules.solve import Solver
from neurosym.verify.rules.terms import Terms
from neurosym.verify.rules.trace import read_trace
from neurosym.verify.rules.trees import Tree, atoms_in, tree, unit_trees
from neurosym.verify.rules.uses import Uses
from neurosym.verify.rules.values import NoValue
from neurosym.verify.structure import GroundProgram, fault

SLACK = 1e-7
MOST_NODES = 100_000  # of one formula as a tree
SETTINGS = "the settings of the inference, and that nothing beside what is shown contradicts it"


def compare_logic(
    certificate: Mapping[str, Any], found: GroundProgram, logic: Logic, given: Given, linked: bool
) -> Findings:  # fmt: skip
    """Check that a theory is what rules, constraints and facts make of what the claim is connected with.

    Args:
        linked: whether it must be whole, because something in it is contradictory or has not settled.

    Raises:
        ExplanationError: NS818, NS824 to NS829 and NS831 to NS834.
    """
    check_hashes(found, given)
    program = with_queries(given.program, [g.rule for g in found.groundings])
    checked = ["the rules and the facts are those of the certificate, by their hashes"]
    run = _Run(certificate, found, logic, replace(given, program=program), linked)
    if any(s is None for s in run.formulas.sentences):
        return Findings(
            tuple(checked),
            ("that ground rules and formulas are instances of rules and constraints, of which one is a prohibition "
             "with an aggregate", SETTINGS),
        )  # fmt: skip
    run.weights()
    steps: tuple[tuple[Callable[[], None], str], ...] = (
        (
            run.rules,
            "each ground rule is an instance of its rule, each fact is of its kind, each choice has its weight",
        ),
        (run.uses, "no ground rule that rests on a fact of the certificate was left out"),
        (run.instances, "each formula is an instance of its constraint, with the constraint's weight"),
        (run.complete, "no instance of a constraint that speaks of a fact of the certificate was left out"),
        (run.observed, "what was observed is what rules and whoever asked say"),
    )
    for step, words in steps:
        try:
            step()
            checked.append(words)
        except (TooLarge, RecursionError) as limit:
            reason = str(limit) if isinstance(limit, TooLarge) else "the depth of an expression"
            run.unchecked.append(f"that {words}: {reason} is more than a check goes through")
    return Findings(tuple(checked), (*run.unchecked, SETTINGS))


class _Run:
    """One comparison."""

    def __init__(
        self, certificate: Mapping[str, Any], found: GroundProgram, logic: Logic, given: Given, linked: bool
    ) -> None:  # fmt: skip
        self.found, self.logic, self.given, self.linked = found, logic, given, linked
        self.trace, program = read_trace(certificate, found), given.program
        for prefix, iri in program.prefixes.items():
            if self.trace.prefixes.get(prefix, iri) != iri:
                raise fault("NS824", f"the certificate's prefix `{prefix}:` is not that of the rules")
        terms = Terms(program.notation.decimals)
        self.names = Names(program, terms, self.trace.prefixes, self.trace.triples)
        self.normal = NormalForm(program, self.names, terms)
        data = Data(self.normal, given.facts, given.max_rows)
        self.join = Join(terms, self.normal.asked, self.normal.rules, given.max_work)
        self.source = Solver(self.normal, data, self.join, self.trace.inputs, self.trace.closed, given.max_results)
        self.identities = Identities(found, self.trace, program, self.names)
        groundings = Groundings(self.normal, self.join, self.source, self.identities.order, given.max_results)
        self.comparison = Comparison(self.identities, data, groundings, absorbs=False, complete=True)
        self.unchecked: list[str] = []
        self.ranging: bool | None = None  # whether constraints range over open atoms; None as long as nobody looked
        self.asserted: dict[int, dict[tuple[tuple[str, int], ...], Tree] | None] = {}
        self.facts = [self._fact(n) for n in range(len(found.atoms))]
        self.formulas = Formulas(program, self.normal, self.join, self.source, self._operands())
        for (key, row), kind in zip(self.facts, found.kinds, strict=True):
            if key in self.formulas.opened and kind != "absent":
                self.formulas.spoken.setdefault(key, {})[row] = None

    def _fact(self, number: int) -> GroundAtom:
        hidden = self.identities.of_text(self.found.atoms[number]) if self.found.hidden[number] else ""
        if isinstance(hidden, str):
            return as_fact(self.found.atoms[number], self.names, self.given.program)
        return hidden[0], terms_of(hidden[1], self.names, self.given.program)

    def _links(self, number: int) -> bool:
        """Whether the certificate must have what a fact is part of."""
        return self.found.kinds[number] in ("derived", "open") or (self.linked and number not in self.logic.weights)

    # ----------------------------------------------------------------------------------------------------- rules

    def rules(self) -> None:
        """Facts are of their kinds, and follow from what the certificate says that they follow from."""
        numbers = range(len(self.facts))
        # which leaf the choice of a rule is, is known once the ground rules are
        for number in sorted(numbers, key=lambda n: self.found.kinds[n] == "leaf"):
            self._compare(number, self.facts[number])
        if compare_choices(self.found, self.comparison.leaves, self.given.weights):
            self.unchecked.append("what the learned weights are")
        for number, leaf in self.comparison.leaves.items():
            own = leaf.kind in ("constant", "learned") and not self.given.program.rules[leaf.statement].is_fact
            if own != (number in self.logic.weights):
                word = "is the weight of a rule" if own else "is no weight of a rule"
                raise fault("NS829", f"{self.found.name(number)} {word}, and the certificate says otherwise")
        if any(c.kind == "neural" for c in self.found.choices):
            self.unchecked.append("what the networks say")
        elif self.trace.closed and self.normal.asked.neural:
            self.unchecked.append("that no network was asked")

    def _compare(self, number: int, fact: GroundAtom) -> None:
        kind, name = self.found.kinds[number], self.found.name(number)
        status, leaf = self.comparison.status(fact), self.comparison.leaf(fact)
        opened = fact[0] in self.formulas.opened
        if (status is True) != (kind == "certain"):
            code = "NS828" if kind == "certain" else "NS834" if kind != "absent" else "NS832"
            raise fault(code, f"{name} is said to be {kind}, which it is not")
        if kind == "certain":
            return
        if (leaf is not None) != (kind == "leaf"):
            raise fault("NS829", f"{name} is said to be {kind}, and is {'' if leaf else 'not '}the outcome of a choice")
        if leaf is not None:
            self.comparison.leaves[number] = leaf
            return
        if opened != (kind == "open"):
            raise fault("NS834", f"{name} is said to be {kind}, its predicate is {'' if opened else 'not '}open")
        if kind == "absent" or (status is None and not opened):
            if (status is None) != (kind == "absent"):
                raise fault("NS832" if status is False else "NS826", f"{name} is said to be {kind}, which it is not")
            return
        self.comparison.rests_on(number, self.comparison.groundings.of(*fact))

    def uses(self) -> None:
        """What rests on a fact is there as well: what is known of it says something of the fact."""
        uses = Uses(self.normal, self.join, self.source)
        for number, fact in enumerate(self.facts):
            if not self._links(number):
                continue
            for head, rule in uses.of(fact):
                if self.identities.number(head) is None and self.comparison.status(head) is not True:
                    label = self.identities.label(rule)
                    shown = self.identities.shown(head)
                    raise fault(
                        "NS827", f"a grounding of `{label}` was left out: {shown} rests on {self.found.name(number)}"
                    )

    # ----------------------------------------------------------------------------------------------- constraints

    def weights(self) -> None:
        """Constraints are those of the program, with their weights."""
        constraints, learned = self.given.program.constraints, False
        for row in self.logic.asserted:
            if row.constraint >= len(constraints):
                raise fault("NS826", f"there is no constraint {row.constraint}")
            constraint = constraints[row.constraint]
            if row.label != label_of(constraint):
                raise fault("NS826", f"`{row.label:.100}` is said to be constraint {row.constraint}, which is another")
            weight = constraint.weight
            if weight is not None and (weight.learn or weight.value is None):
                known = None if self.given.constraints is None else self.given.constraints.get(row.constraint)
                learned |= known is None
            else:
                known = 1.0 if weight is None or weight.value is None else self._constant(weight.value)
            if known is not None and not abs(min(1.0, max(0.0, known)) - row.least) <= SLACK:
                raise fault("NS831", f"`{row.label}` is asserted with {row.least!r}, and has the weight {known!r}")
        if learned:
            self.unchecked.append("what the learned weights of constraints are")
        if self.logic.learned and self.given.operands is None:
            self.unchecked.append("what the learned weights of the connectives' operands are")

    def _operands(self) -> Operands | None:
        """The weights of operands, where they have some; empty where nobody knows them."""
        known = self.given.operands
        if known is not None and bool(known[1]) != self.logic.learned and self.given.program.constraints:
            word = "no" if self.logic.learned else "learned"
            raise fault("NS831", f"the operands of the constraints' connectives have {word} weights")
        return (known or ((), ())) if self.logic.learned else None

    def _constant(self, term: Any) -> float:
        try:
            return float(self.names.constant(term))  # pyright: ignore[reportArgumentType]
        except (NoValue, TypeError, ValueError):
            return float("nan")  # no weight agrees with it

    def instances(self) -> None:
        """Each formula is what its constraint says for its terms."""
        atoms = [f if k != "absent" else None for f, k in zip(self.facts, self.found.kinds, strict=True)]
        trees = unit_trees(self.logic, atoms, MOST_NODES, self.given.operands is not None)
        self.ranging = self.formulas.speak()
        for row in self.logic.asserted:
            shown = trees(row.unit)
            if shown is None:
                raise TooLarge("a formula")
            if not self._is(row, shown):
                raise fault("NS826", f"a formula of `{row.label}` is no instance of it over the facts")
        used = {c for u in self.logic.units for c in u.children} | {a.unit for a in self.logic.asserted}
        for number in range(len(self.facts), len(self.facts) + len(self.logic.units)):
            if number not in used:
                raise fault("NS834", f"unit {number} is part of no constraint")

    def _is(self, row: Asserted, shown: Tree) -> bool:
        sentence = self.formulas.sentences[row.constraint]
        assert sentence is not None
        if row.instance is None:
            self.asserted[row.constraint] = None
            every = [made for _, made in self.formulas.instances(sentence, {})]
            if not sentence.variables:
                return shown == (every[0] if every else True)
            return shown == tree("forall", every, self.formulas.exhaustive(sentence))
        if set(row.instance) != set(sentence.variables):
            return False
        values = terms_of(tuple(row.instance.values()), self.names, self.given.program)
        env = dict(zip(row.instance, values, strict=True))
        known = self.asserted.setdefault(row.constraint, {})
        if known is not None:
            known[_key(env)] = shown
        return shown == self.formulas.ground(sentence.formula, env)

    def complete(self) -> None:
        """Each instance that speaks of a fact of the certificate is there."""
        if self.ranging is None:
            raise TooLarge("what the constraints range over")
        if self.ranging and self.normal.asked.opened:
            self.unchecked.append("which atoms of open predicates rules and questions speak of")
        for number, sentence in enumerate(self.formulas.sentences):
            known = self.asserted.get(number, {})
            if known is None or sentence is None:
                continue
            for env in self._speaking(number):
                if _key(env) not in known:
                    shown = ", ".join(f"{v} = {self.names.spell_terms((n,))[0]}" for v, n in env.items())
                    raise fault(
                        "NS827", f"an instance of `{sentence.label}` was left out: {shown or 'it has only one'}"
                    )

    def _speaking(self, number: int) -> Iterable[Env]:
        """Instances of a constraint that speak of a fact which links."""
        sentence = self.formulas.sentences[number]
        assert sentence is not None
        linking = {f for n, f in enumerate(self.facts) if self._links(n) and not isinstance(f[0], Part)}
        tried: set[tuple] = set()
        for literal, hidden in literals(sentence.formula):
            for key, row in linking:
                atom = literal.atom
                args = [t.name if isinstance(t, Var) and t.name not in hidden else
                        self.names.number(t) if isinstance(t, Const) else None for t in atom.args]  # fmt: skip
                own, args = self.names.canonical(atom.key, tuple(args))
                env = matched(args, row, {}) if own == key else None
                if env is None or (place := (own, _key(env))) in tried:
                    continue
                tried.add(place)
                for found, made in self.formulas.instances(sentence, env):
                    if not linking.isdisjoint(atoms_in(made)):
                        yield found

    # ---------------------------------------------------------------------------------------------- observations

    def observed(self) -> None:
        """Observations are those that were made, as far as they are about facts of the certificate."""
        program, evidence = self.given.program, self.given.evidence
        asked = [(e.atom, e.positive) for e in program.evidence]
        asked += [observed(text, holds, self.names, program) for text, holds in evidence or ()]
        told: dict[int, bool] = {}
        for atom, holds in asked:
            args = tuple(a.name if isinstance(a, Var) else self.names.number(a) for a in atom.args)
            key, args = self.names.canonical(atom.key, args)
            told |= {
                n: holds for n, (k, row) in enumerate(self.facts) if k == key and matched(args, row, {}) is not None
            }
        for number, holds in told.items():
            if self.found.kinds[number] != "absent" and self.found.evidence.get(number) is not holds:
                raise fault("NS833", f"{self.found.name(number)} was observed, and is not said to be")
        more = [self.found.atoms[n] for n in self.found.evidence if n not in told]
        if more and evidence is not None:
            raise fault("NS833", f"{more[0]} is said to be observed, and was not")
        if more:
            self.unchecked.append(f"that {', '.join(more[:3])}{' …' if len(more) > 3 else ''} was observed as it says")


def _key(env: Env) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(env.items()))


__all__ = ["compare_logic"]
