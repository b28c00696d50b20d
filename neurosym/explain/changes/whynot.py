"""Why an atom is not derived, or hardly: the rules that came nearest, and the literals that failed in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from neurosym.errors import NeurosymError
from neurosym.explain.alternatives import NearLiteral, NearMiss
from neurosym.explain.changes.bodies import Part, derived_predicates, heads_of, variants
from neurosym.explain.changes.judged import Judge, chance
from neurosym.explain.changes.nearest import Facts, Ids, Near, Nearest
from neurosym.explain.changes.setting import Setting
from neurosym.explain.words import Words
from neurosym.grounding import DerivationGraph
from neurosym.grounding.core import CoreAtom
from neurosym.lang.ast import And, Atom, Body, Const, Literal, Program, Query, Rule, Term, Var
from neurosym.lang.checker import recheck
from neurosym.lang.notation import substituted
from neurosym.lang.questions import query_of
from neurosym.lang.terms import term_key
from neurosym.lang.walk import built_in, conjuncts
from neurosym.reasoner import Answers
from neurosym.reasoner.grounded import Grounded

MOST_RULES = 5
MANY = 200  # rules of one predicate that are looked at


# of a literal that was asked: its probability (None: it could not be asked), the values it gave, and why not
Asked = tuple[float | None, Ids, str]


@dataclass(frozen=True, eq=False)
class _Way:
    """One way through one rule, with the goal's values."""

    statement: int
    rule: Rule
    alternative: int
    known: dict[str, Const]
    parts: list[Part]


class WhyNot:
    """Looks for the rules that came nearest to deriving an atom.

    Args:
        rule_number: statement → its position among the rules of the explanation.
        seconds: after which only the first rules are looked at, and those not far.

    Attributes:
        notes: what was cut, as sentences.
    """

    def __init__(self, setting: Setting, rule_number: Callable[[int], int], language: str, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.setting, self.rule_number = setting, rule_number
        self.program: Program = setting.program
        self.labels = setting.base.labels(language)
        self.derived = derived_predicates(self.program)
        self.asked = frozenset(self.program.neural) | frozenset(self.program.opened)
        self.notes: list[str] = []

    def of(self, goal: Atom, depth: int) -> tuple[NearMiss, ...]:
        """The nearest rules, nearest first; those that fire come before those that do not.

        Args:
            goal: its variables may be anything; depth: how many levels of atoms that are not derived are looked at.
        """
        ways = self._ways(goal)
        if not ways:
            return ()
        grounded = self._grounded(ways)
        facts, words = Facts(grounded.graph), Words(grounded.graph, self.program, self.labels)
        best: dict[int, tuple[tuple, NearMiss]] = {}
        for number, way in enumerate(ways):
            if number >= MOST_RULES and time.monotonic() > self._until:
                self._note(f"why it is not so was looked for in {number} of {len(ways)} rules, for want of time")
                break
            found = self._near(way, grounded, facts, words, depth)
            if found is not None and (way.statement not in best or found[0] < best[way.statement][0]):
                best[way.statement] = found
        ranked = sorted(best.items(), key=lambda item: (item[1][0], item[0]))[:MOST_RULES]
        return tuple(replace(near, rule=self.rule_number(statement)) for statement, (_, near) in ranked)

    # ------------------------------------------------------------------------------------------------- finding

    def _ways(self, goal: Atom) -> list[_Way]:
        """The rules that could derive a goal."""
        ways = []
        for statement, rule in enumerate(self.program.rules):
            if rule.is_fact and all(h.weight is None for h in rule.heads):
                continue
            for number, known, equal in heads_of(rule, goal, self._canonical):
                plain = replace(rule, body=And((*conjuncts(substituted(rule.body, known)), *equal)))
                parts = variants(plain, self.program, self.asked)
                ways += [_Way(statement, rule, number, known, [_filled(p, known) for p in ps]) for ps in parts]
        if len(ways) > MANY:
            self._note(f"only {MANY} of {len(ways)} rules for {goal.predicate} were looked at for why it is not so")
        return ways[:MANY]

    def _canonical(self, atom: Atom) -> tuple[tuple[str, int], tuple[Term, ...]]:
        """An atom's predicate and arguments under the name that holds its facts."""
        graph = self.setting.answers.grounded.graph
        symbols = graph.symbols
        terms = {f"{k}": t for k, t in enumerate(atom.args)}
        ids = tuple(
            symbols.intern(t.value) if isinstance(t, Const) else k for k, t in terms.items()
        )  # fmt: skip
        core = graph.program.canonical(CoreAtom(atom.key, ids), symbols)
        args = tuple(Const(symbols.value(a)) if isinstance(a, int) else terms[a or ""] for a in core.args)
        return core.key, args

    def _grounded(self, ways: Sequence[_Way]) -> Grounded:
        """A graph with all facts that the rules' atoms could match."""
        setting = self.setting
        atoms = [p.atom for w in ways for p in w.parts if p.atom is not None]
        atoms = [a for a in atoms if self._is_known(a)]
        observed = [atom for atom, _ in setting.observed]
        mode = setting.reasoner._mode(setting.answers.algebra)
        return setting.reasoner.grounded(setting.answers.inputs, (*atoms, *observed), facts=setting.base, mode=mode)

    def _is_known(self, atom: Atom) -> bool:
        try:
            self.setting.reasoner.check_known(atom)
        except NeurosymError:
            return False
        return True

    def _near(
        self, way: _Way, grounded: Grounded, facts: Facts, words: Words, depth: int
    ) -> tuple[tuple, NearMiss] | None:
        """The best substitution of one way, with what orders it among others."""
        search = Nearest(facts, way.parts, self._until)
        found = search.best()
        if search.cut:
            self._note(f"the search for why {way.rule.label} does not fire was cut; it may have come nearer")
        asked = self._ask(way, found, grounded.graph)
        tags = self._tags(grounded, search, found)
        judge = Judge(search, words, tags, self.derived, lambda _: ())
        ranked = []
        for near, answers in zip(found, asked, strict=True):
            literals = judge.literals(near, answers)
            ranked.append((_order(literals, near), near, answers, literals))
        if not ranked:
            return None
        order, near, answers, literals = min(ranked, key=lambda r: r[0])
        if depth > 1:
            deep = Judge(search, words, tags, self.derived, lambda goal: self.of(goal, depth - 1))
            literals = deep.literals(near, answers)
        return order, self._miss(way, literals, judge.assigned(near, answers), words)

    def _miss(self, way: _Way, literals: Sequence[NearLiteral], ids: Ids, words: Words) -> NearMiss:
        failed = tuple(x for x in literals if x.how != "holds")
        symbols = words.graph.symbols
        values = {n: c.value for n, c in way.known.items()} | {n: symbols.value(i) for n, i in ids.items()}
        shown = {n: words.value(v) for n, v in values.items() if not n.startswith(("#", "_"))}
        probability = None
        if not failed:
            weight = self.setting.weight_of(way.rule, way.alternative)
            probability = chance(literals) * (1.0 if weight is None else weight)
        return NearMiss(
            -1, way.rule.label, not failed, probability, shown, tuple(x for x in literals if x.how == "holds"), failed
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------- numbers

    def _tags(self, grounded: Grounded, search: Nearest, found: Sequence[Near]) -> dict[int, float]:
        """The probabilities of the facts that some substitutions speak of."""
        facts = {f for n in found for f in n.facts.values()}
        facts |= {f for n in found for k in search.negated for f, _ in search.there(k, n.ids)}
        if not facts or grounded.graph.engine is not None:  # facts alone, all of them certain
            return dict.fromkeys(facts, 1.0)
        setting = self.setting
        wanted = sorted(facts)
        with torch.no_grad():
            leaves = grounded.leaves(setting.reasoner.weights, setting.answers.inputs)
            evaluator = grounded.evaluator(wanted, grounded.evidence(setting.observed), setting.answers.algebra)
            return dict(zip(wanted, evaluator(leaves)[setting.sample].tolist(), strict=True))

    def _ask(self, way: _Way, found: Sequence[Near], graph: DerivationGraph) -> list[dict[int, Asked]]:
        """What is not looked up: groups, aggregates, networks and tests, asked with the values that are known."""
        result: list[dict[int, Asked]] = [{} for _ in found]
        questions: dict[Query, list[tuple[int, int]]] = {}
        for number, near in enumerate(found):
            known = {n: Const(graph.symbols.value(i)) for n, i in near.ids.items() if not n.startswith("#")}
            for k, part in enumerate(way.parts):
                if part.kind == "asked":
                    questions.setdefault(self._question(part.body, known), []).append((number, k))
        for places, answer in zip(questions.values(), self._answered(list(questions), graph), strict=True):
            for number, k in places:
                result[number][k] = self._excepted(way.parts[k], answer)
        return result

    def _question(self, body: Body, known: dict[str, Const]) -> Query:
        filled = substituted(body, known)
        if isinstance(filled, Literal) and filled.atom.key in built_in(self.program):
            filled = And((filled,))  # what is computed has no facts to be asked for, and is the body of a rule
        return query_of(filled, _SPAN)

    def _excepted(self, part: Part, answer: Asked) -> Asked:
        """Of an exception with a weight: that it does not apply, though its body may hold."""
        rule, (probability, ids, fault) = part.exception, answer
        if rule is None or probability is None:
            return answer
        weight = self.setting.weight_of(rule)
        return 1.0 - (1.0 if weight is None else weight) * (1.0 - probability), ids, fault

    def _answered(self, queries: list[Query], graph: DerivationGraph) -> list[Asked]:
        """The most probable answer of each query; all are asked together, and singly if one of them is at fault."""
        if not queries:
            return []
        setting, program = self.setting, self.program
        rules = tuple(q for q in queries if q.rule is not None)
        try:
            if rules:
                known = frozenset({*(program.facts_predicates or ()), *setting.base.predicates})
                program = replace(program, statements=(*program.statements, *rules), facts_predicates=known)
                program = recheck(program)
            asking = setting.reasoner.over(setting.base, program=program)
            answers = setting.run(asking, tuple(q.atom for q in queries))
        except NeurosymError as error:
            if len(queries) > 1:
                return [self._answered([q], graph)[0] for q in queries]
            return [(None, {}, error.message)]
        return [_best(answers, q.atom, setting.sample, graph) for q in queries]

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _best(answers: Answers, atom: Atom, sample: int, graph: DerivationGraph) -> Asked:
    """The most probable of the answers to one atom."""
    found: Asked = (0.0, {}, "")
    for column, (fact, args) in enumerate(zip(answers.facts, answers.args, strict=True)):
        if fact < 0 or answers.grounded.graph.key(fact) != atom.key:
            continue
        pairs = list(zip(atom.args, args, strict=True))
        if any(isinstance(t, Const) and term_key(t.value) != term_key(v) for t, v in pairs):
            continue
        tag = float(answers.tags[sample, column].detach())
        if tag > (found[0] or 0.0):
            ids = {t.name: graph.symbols.intern(v) for t, v in pairs if isinstance(t, Var)}
            found = (tag, ids, "")
    return found


def _order(literals: Sequence[NearLiteral], near: Near) -> tuple:
    """What makes a rule nearer: fewer literals failed, more hold, thresholds missed by less, and greater weight."""
    failed = [x for x in literals if x.how != "holds"]
    share = len(failed) / max(1, len(literals))
    return (bool(failed), len(failed), share, near.miss, -chance([x for x in literals if x.how == "holds"]))


def _filled(part: Part, known: dict[str, Const]) -> Part:
    """The body of an exception with the head's values; the others have them already."""
    return replace(part, body=substituted(part.body, known)) if part.exception else part


_SPAN = Query(Atom("none", ())).span
