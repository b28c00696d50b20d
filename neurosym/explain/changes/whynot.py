"""Why an atom is not derived, or hardly: the rules that came nearest, and the literals that failed in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from neurosym.errors import NeurosymError
from neurosym.explain.alternatives import NearLiteral, NearMiss
from neurosym.explain.changes.bodies import Part, derived_predicates, heads_of, variants
from neurosym.explain.changes.judged import UNKNOWN, Judge, between, chance
from neurosym.explain.changes.nearest import Facts, Ids, Near, Nearest
from neurosym.explain.changes.setting import Setting
from neurosym.explain.changes.told import ask_again, leaf_tags, network_says
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
from neurosym.semantics import Bounds

MOST_RULES = 5
DEPTH = 2
MANY = 200  # rules of one predicate that are looked at


# of a literal that was asked: its probability (None: it could not be asked), the values it gave, and why not
Asked = tuple[float | None, Ids, str]
Tags = dict[int, float]
Spans = dict[int, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class _Way:
    """One way through one rule, with the goal's values."""

    statement: int
    rule: Rule
    alternative: int
    known: dict[str, Const]
    parts: list[Part]


@dataclass(frozen=True, eq=False)
class _Tried:
    """A way with the substitutions that look best."""

    way: _Way
    search: Nearest
    found: list[Near]


@dataclass(frozen=True, eq=False)
class _Best:
    """The best substitution of a way, what orders it, and what was asked for it."""

    order: tuple
    way: _Way
    near: Near
    answers: dict[int, Asked]
    judge: Judge


class WhyNot:
    """Looks for the rules that came nearest to deriving an atom.

    Args:
        rule_number: statement → its position among the rules of the explanation.
        seconds: after which only the first rules are looked at, and those not far.
        threshold: literals that hold with less are told apart.
        others: whether facts may be named that nothing recorded connects with the goal.

    Attributes:
        notes: what was cut, as sentences.
    """

    def __init__(
        self, setting: Setting, rule_number: Callable[[int], int], language: str, seconds: float, threshold: float,
        others: bool,
    ) -> None:  # fmt: skip
        self._until = time.monotonic() + seconds
        self.setting, self.rule_number = setting, rule_number
        self.threshold, self.others = threshold, others
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
        facts = Facts(grounded.graph)
        tried: list[_Tried] = []
        for number, way in enumerate(ways):
            if number >= MOST_RULES and time.monotonic() > self._until:
                self._note(f"why it is not so was looked for in {number} of {len(ways)} rules, for want of time")
                break
            tried.append(self._tried(way, goal, facts))
        words = Words(grounded.graph, self.program, self.labels)
        best: dict[int, _Best] = {}
        for one, asked in zip(tried, self._ask(tried, grounded.graph), strict=True):
            found = self._nearest(one, asked, grounded, words)
            if found is not None and (one.way.statement not in best or found.order < best[one.way.statement].order):
                best[one.way.statement] = found
        ranked = sorted(best.items(), key=lambda item: (item[1].order, item[0]))[:MOST_RULES]
        return tuple(self._miss(found, statement, depth) for statement, found in ranked)

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

    def _own(self, goal: Atom, graph: DerivationGraph) -> frozenset[int] | None:
        """The values that the goal is about; None where everything may be named."""
        values = frozenset(graph.symbols.intern(t.value) for t in goal.args if isinstance(t, Const))
        return None if self.others or not values else values

    def _tried(self, way: _Way, goal: Atom, facts: Facts) -> _Tried:
        """The substitutions of one way that the facts alone make look best."""
        search = Nearest(facts, way.parts, self._until, self._own(goal, facts.graph))
        found = search.best()
        if search.cut:
            self._note(f"the search for why {way.rule.label} does not fire was cut; it may have come nearer")
        return _Tried(way, search, found)

    def _nearest(
        self, tried: _Tried, asked: Sequence[dict[int, Asked]], grounded: Grounded, words: Words
    ) -> _Best | None:
        """The best substitution of one way, once what is not looked up was asked."""
        way, search = tried.way, tried.search
        tags, spans = self._tags(grounded, search, tried.found)
        judge = Judge(search, words, tags, self.derived, lambda _: (), spans, self.threshold)
        ranked = [
            _Best(_order(judge.literals(near, answers), near), way, near, answers, judge)
            for near, answers in zip(tried.found, asked, strict=True)
        ]
        return min(ranked, key=lambda r: r.order, default=None)

    def _miss(self, best: _Best, statement: int, depth: int) -> NearMiss:
        """What is said of a rule; what it needs is looked into, too, where that was asked for."""
        way, near, answers, judge = best.way, best.near, best.answers, best.judge
        if depth > 1:
            judge.below = lambda goal: self.of(goal, depth - 1)
        literals = judge.literals(near, answers)
        rule = self.rule_number(statement)
        failed = tuple(x for x in literals if _fails(x))
        ids = judge.assigned(near, answers)
        symbols = judge.graph.symbols
        values = {n: c.value for n, c in way.known.items()} | {n: symbols.value(i) for n, i in ids.items()}
        shown = {n: judge.words.value(v) for n, v in values.items() if not n.startswith(("#", "_"))}
        held = tuple(x for x in literals if not _fails(x))
        if failed:
            return NearMiss(rule, way.rule.label, False, None, shown, held, failed)
        weight = self.setting.weight_of(way.rule, way.alternative)
        weight = 1.0 if weight is None else weight
        probability = None if any(x.how == "unknown" for x in held) else chance(held) * weight
        if probability is not None and self.setting.answers.logic is not None:  # as `bounds` reads a rule
            missing = sum(1 - (1.0 if x.probability is None else x.probability) for x in held)
            probability = max(0.0, weight - missing)
        return NearMiss(
            rule, way.rule.label, True, probability, shown, held, (), weight if weight < 1 else None,
            weight < self.threshold,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------- numbers

    def _tags(self, grounded: Grounded, search: Nearest, found: Sequence[Near]) -> tuple[Tags, Spans]:
        """The probabilities of the facts that some substitutions speak of, and bounds on those that are unknown."""
        facts = {f for n in found for f in n.facts.values()}
        facts |= {f for n in found for k in search.negated for f, _ in search.there(k, n.ids)}
        if not facts or grounded.graph.engine is not None:  # facts alone, all of them certain
            return dict.fromkeys(facts, 1.0), {}
        setting = self.setting
        wanted = sorted(facts)
        if setting.answers.logic is not None:
            return self._settled(grounded, wanted)
        with torch.no_grad():
            evidence = grounded.evidence(setting.observed)
            leaves = leaf_tags(setting, grounded, [*wanted, *(f for f, _ in evidence)])
            evaluator = grounded.evaluator(wanted, evidence, setting.answers.algebra)
            tags = dict(zip(wanted, evaluator(leaves)[setting.sample].tolist(), strict=True))
            spans: Spans = {}
            if isinstance(evaluator, Bounds):
                ends = (t[setting.sample].tolist() for t in evaluator.bounds(leaves))
                spans = {f: (low, high) for f, low, high in zip(wanted, *ends, strict=True) if high - low > 1e-9}
        return tags, spans

    def _settled(self, grounded: Grounded, wanted: Sequence[int]) -> tuple[Tags, Spans]:
        """Under `bounds`, the intervals of truth that the answers settled on."""
        logic, sample = self.setting.answers.logic, self.setting.sample
        assert logic is not None
        units = {logic.formulas.spell_atom(i): i for i in range(logic.formulas.num_atoms)}
        tags: Tags = {}
        spans: Spans = {}
        for fact in wanted:
            unit = units.get(grounded.graph.atom(fact))
            ends = (logic.settled.lower, logic.settled.upper)
            low, high = (0.0, 1.0) if unit is None else (float(t[unit, sample].detach()) for t in ends)
            tags[fact] = (low + high) / 2
            if high - low > 1e-9:
                spans[fact] = (low, high)
        return tags, spans

    def _ask(self, tried: Sequence[_Tried], graph: DerivationGraph) -> list[list[dict[int, Asked]]]:
        """What is not looked up: groups, aggregates, networks and tests, asked with the values that are known."""
        result: list[list[dict[int, Asked]]] = [[{} for _ in one.found] for one in tried]
        questions: dict[Query, list[tuple[int, int, int]]] = {}
        for row, one in enumerate(tried):
            for number, near in enumerate(one.found):
                known = {n: Const(graph.symbols.value(i)) for n, i in near.ids.items() if not n.startswith("#")}
                for k, part in enumerate(one.way.parts):
                    if part.kind != "asked":
                        continue
                    said = network_says(self.setting, substituted(part.body, known))
                    if said is not None:
                        result[row][number][k] = self._excepted(part, (said, {}, ""))
                    else:
                        questions.setdefault(self._question(part.body, known), []).append((row, number, k))
        for places, answer in zip(questions.values(), self._answered(list(questions), graph), strict=True):
            for row, number, k in places:
                result[row][number][k] = self._excepted(tried[row].way.parts[k], answer)
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
            answers = ask_again(setting, asking, tuple(q.atom for q in queries))
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
        lower, upper = (float(t[sample, column].detach()) for t in (answers.lower, answers.upper))
        if (answers.grounded.has_unknown or answers.logic is not None) and upper - lower > 1e-9:
            return None, {}, f"{UNKNOWN} {between(lower, upper)}"
        tag = float(answers.tags[sample, column].detach())
        if tag > (found[0] or 0.0):
            ids = {t.name: graph.symbols.intern(v) for t, v in pairs if isinstance(t, Var)}
            found = (tag, ids, "")
    return found


def _order(literals: Sequence[NearLiteral], near: Near) -> tuple:
    """What makes a rule nearer: fewer literals failed, more hold, thresholds missed by less, and greater weight."""
    failed = [x for x in literals if _fails(x)]
    share = len(failed) / max(1, len(literals))
    return (bool(failed), len(failed), share, near.miss, -chance([x for x in literals if not _fails(x)]))


def _fails(literal: NearLiteral) -> bool:
    return literal.how not in ("holds", "unknown")


def _filled(part: Part, known: dict[str, Const]) -> Part:
    """The body of an exception with the head's values; the others have them already."""
    return replace(part, body=substituted(part.body, known)) if part.exception else part


_SPAN = Query(Atom("none", ())).span
