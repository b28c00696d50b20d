"""Constraints over a finished derivation graph: instances by joins, then columns of nodes, connective by connective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neurosym.errors import Place
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.symbols import SYMBOL
from neurosym.grounding.bindings import Bindings, stacked
from neurosym.grounding.bodies import BUILTINS
from neurosym.grounding.builder import GraphBuilder, Limits
from neurosym.grounding.core import Builtin, Compare, CoreAtom, CoreProgram, CoreRule, ForeignCall, Key, Scan
from neurosym.grounding.declared import declared_arguments
from neurosym.grounding.engine import Engine
from neurosym.grounding.formulas.connectives import connectives_of, parts_of
from neurosym.grounding.formulas.graph import EXISTS, FORALL, FormulaGraph, GroundFormula
from neurosym.grounding.formulas.nodes import Nodes
from neurosym.grounding.formulas.scopes import NAMES, Scope, Scopes
from neurosym.grounding.formulas.sentences import Sentence
from neurosym.grounding.graph import CERTAIN, DerivationGraph
from neurosym.grounding.groundings import Groundings
from neurosym.grounding.normalise import normalise
from neurosym.lang import ast
from neurosym.lang.walk import body_atoms

ROW = "#row"
_LIVE = frozenset((ROW,))


def ground_formulas(
    program: ast.Program, graph: DerivationGraph, scopes: Scopes, limits: Limits | None = None, apart: bool = False
) -> FormulaGraph:  # fmt: skip
    """Ground the constraints of a program over a graph that `with_questions` prepared.

    Args:
        program: the one that was grounded, without the questions of formulas.
        scopes: of its constraints.
        limits: of atoms and ground formulas, beside those of the graph.
        apart: whether every connective has nodes of its own, because its operands have weights.

    Raises:
        LimitError: NS410, there are more instances than the limits allow.
    """
    return _Grounder(program, graph, scopes, limits or Limits(), apart).run()


class _Grounder:
    def __init__(
        self, program: ast.Program, graph: DerivationGraph, scopes: Scopes, limits: Limits, apart: bool
    ) -> None:  # fmt: skip
        self.program, self.graph, self.scopes = program, graph, scopes
        self.symbols: SymbolTable = graph.symbols
        plain = tuple(
            replace(s, open=False, args=s.args) for s in program.statements if isinstance(s, ast.PredicateDecl)
        )
        prefixes = tuple(s for s in program.statements if isinstance(s, ast.Prefix))
        rules = ast.Program((*prefixes, *plain, *scopes.rules), program.texts, foreign=program.foreign)
        triples = [ast.Atom("triple", tuple(ast.Var(f"_{k}", "_") for k in range(3)))]
        core = normalise(rules, self.symbols, triples if graph.program.triple_mode else ())
        self.core: CoreProgram = core
        within = replace(limits, facts=limits.facts + graph.num_facts)
        self.engine = Engine(
            rules, core, graph.base or FactBase(), self.symbols, (), within, True, None, [], False, load=self._load
        )  # fmt: skip
        self.builder: GraphBuilder = self.engine.builder
        self.engine.derive(list(enumerate(core.rules)))
        self.nodes = Nodes(self.builder.num_facts, limits.firings, apart)
        self.numbers, self.connectives = connectives_of(scopes.sentences)

    def _load(
        self, builder: GraphBuilder, program: ast.Program, base: FactBase, queries: Sequence[ast.Atom]
    ) -> list[Place]:
        """The facts of the graph under their ids; what is only possible counts as there."""
        graph = self.graph
        builder.take_over(graph.facts, np.full(graph.num_facts, CERTAIN, np.uint8), Groundings())
        rules = self.core.rules
        needed = {h.key for r in rules for h, _ in r.heads}
        needed |= {x.atom.key for r in rules for x in r.body if isinstance(x, Scan)}
        needed |= {self.core.canonical(CoreAtom(k, (None,) * k[1]), self.symbols).key for k in self.scopes.predicates}
        for key, rows, facts in zip(graph.predicates, graph.rows, graph.fact_ids, strict=True):
            relation = builder.relation(key)
            if len(rows) and key in needed:
                relation.take_over(np.ascontiguousarray(rows), np.array(facts, np.int32), False)
        for fact in self.core.facts:  # scopes and atoms without variables
            builder.add_facts(fact.key, np.array([fact.args], np.int32).reshape(1, fact.key[1]), True, 0)
        if NAMES in needed:
            builder.add_facts(NAMES, self._names()[:, None], True, 0)
        return []

    def _names(self) -> Ids:
        """The names that facts and formulas have."""
        graph = self.graph
        declared = declared_arguments(self.program)
        made = {a.key for a in self.scopes.values}  # the values of enumerations, which are no things
        used = [
            rows[:, k]
            for key, rows in zip(graph.predicates, graph.rows, strict=True)
            if key not in graph.program.hidden and key not in made
            for k in range(key[1])
            if key not in declared or not declared[key][k].type.enumerates or declared[key][k].type.kind == "class"
        ]
        written = [
            self.symbols.intern(t.value)
            for s in self.scopes.sentences for a, _ in body_atoms(s.formula) for k, t in enumerate(a.args)
            if isinstance(t, ast.Const) and (a.key not in declared or not declared[a.key][k].type.enumerates)
        ]  # fmt: skip
        ids = np.unique(np.concatenate([*used, np.array(written, np.int32)]))
        return ids[self.symbols.kinds(ids) == SYMBOL].astype(np.int32)

    # ------------------------------------------------------------------------------------------------ sentences

    def run(self) -> FormulaGraph:
        formulas = tuple(self._sentence(k, s) for k, s in enumerate(self.scopes.sentences))
        return self._graph(formulas)

    def _sentence(self, number: int, sentence: Sentence) -> GroundFormula:
        scope = self.scopes.of[number][()]
        rows = self._rows(scope)
        names = [v.name for v in sentence.variables]
        table = {name: np.ascontiguousarray(rows[:, k]) for k, name in enumerate(names)}
        top = self.numbers[number, None]
        instances = self._lower(sentence.formula, table, len(rows), number, ())
        root = int(instances[0]) if not names and len(rows) else int(
            self.nodes.ragged(FORALL, np.zeros(len(rows), np.int32), instances, 1, top, scope.exhaustive)[0]
        )  # fmt: skip
        return GroundFormula(sentence.label, sentence.constraint, root, instances, tuple(names), rows)

    def _rows(self, scope: Scope) -> Ids:
        relation = self.builder.relation(scope.atom.key)
        return np.array(relation.rows, np.int32)

    # ------------------------------------------------------------------------------------------------ formulas

    def _lower(
        self, formula: ast.Formula, table: dict[str, Ids], n: int, number: int, path: tuple[int, ...]
    ) -> Ids:  # fmt: skip
        """(n,) nodes of a formula for n substitutions of its free variables."""
        match formula:
            case ast.Literal(atom):
                if self._is_test(atom.key):
                    return self.nodes.constants(self._holds(self._test(formula), table, n))
                return self.nodes.atoms(self._atom_ids(atom, table, n))
            case ast.Comparison(op, left, right):
                return self.nodes.constants(self._holds(Compare(op, left, right), table, n))
            case ast.Quantified():
                return self._quantified(formula, table, n, number, path)
        kind, parts = parts_of(formula)
        connective = self.numbers[number, path]
        columns = [self._lower(p, table, n, number, (*path, k)) for k, p in enumerate(parts)]
        children = np.stack(columns, axis=1) if columns else np.zeros((n, 0), np.int32)
        return self.nodes.make(kind, children, connective)

    def _is_test(self, key: Key) -> bool:
        return key in BUILTINS or key in self.core.foreign

    def _test(self, literal: ast.Literal) -> Builtin | ForeignCall:
        atom = literal.atom
        if atom.key in self.core.foreign:
            return ForeignCall(self.core.foreign[atom.key], atom.args, literal.span)
        return Builtin(atom.predicate, atom.args)

    def _holds(self, test: Compare | Builtin | ForeignCall, table: dict[str, Ids], n: int) -> np.ndarray:
        """(n,) whether a test holds."""
        rows = np.arange(n, dtype=np.int32)
        bindings = Bindings(n, {**table, ROW: rows}, {}, [], [])
        match test:
            case Compare():
                found = self.engine.joiner.compare(test, bindings, _LIVE)
            case Builtin():
                found = self.engine.joiner.builtin(test, bindings, _LIVE)
            case ForeignCall():
                rule = CoreRule((), (), 0)
                found = self.engine.foreign.join(test, rule, bindings, _LIVE)
        result = np.zeros(n, bool)
        result[found.columns[ROW]] = True
        return result

    def _atom_ids(self, atom: ast.Atom, table: dict[str, Ids], n: int) -> Ids:
        """(n,) atom ids, -1 where the atom is absent and its predicate is closed."""
        columns: dict[str, Ids] = {}
        valid = np.ones(n, bool)
        args: list[str | int | None] = []
        for k, term in enumerate(atom.args):
            if isinstance(term, ast.Var):
                columns[term.name] = table[term.name]
                args.append(term.name)
            elif isinstance(term, ast.Const):
                args.append(self.symbols.intern(term.value))
            else:
                operand = self.engine.evaluator.operand(term, table, n)
                valid &= operand.ok
                columns[f"#{k}"] = operand.to_ids(self.symbols)
                args.append(f"#{k}")
        core = self.core.canonical(CoreAtom(atom.key, tuple(args)), self.symbols)
        rows = stacked([columns[a] if isinstance(a, str) else a for a in core.args if a is not None], n)
        relation = self.builder.relation(core.key)
        row = relation.find(rows)
        there = valid & (row >= 0)
        return np.where(there, relation.facts_of(np.where(there, row, 0)), -1) if relation.size else np.full(n, -1)

    def _quantified(
        self, formula: ast.Quantified, table: dict[str, Ids], n: int, number: int, path: tuple[int, ...]
    ) -> Ids:  # fmt: skip
        connective, path = self.numbers[number, path], (*path, 0)
        scope = self.scopes.of[number][path]
        outer = [t.name for t in scope.atom.args[: len(scope.atom.args) - scope.own] if isinstance(t, ast.Var)]
        kind = FORALL if formula.quantifier == "forall" else EXISTS
        # what is asked of the same outer values is the same node
        given = np.stack([table[v] for v in outer], axis=1) if outer else np.zeros((n, 0), np.int32)
        distinct, of = np.unique(given, axis=0, return_inverse=True) if outer else (given[:1], np.zeros(n, np.int64))
        groups = len(distinct)
        if not groups:
            return np.zeros(n, np.int32)
        relation = self.builder.relation(scope.atom.key)
        if outer and relation.size:
            matches = relation.probe(tuple(range(len(outer))), np.ascontiguousarray(distinct, np.int32))
            which, row = matches.pairs(0, groups, 0, relation.size)
        else:
            row = np.arange(relation.size, dtype=np.int32)
            which = np.zeros(len(row), np.int32)
        rows = relation.rows[row]
        names = [t.name for t in scope.atom.args if isinstance(t, ast.Var)]
        inner = {name: np.ascontiguousarray(rows[:, k]) for k, name in enumerate(names)}
        children = self._lower(formula.formula, inner, len(rows), number, path)
        made = self.nodes.ragged(kind, which, children, groups, connective, scope.exhaustive)
        return made[of.reshape(-1)]

    # -------------------------------------------------------------------------------------------------- assembly

    def _graph(self, formulas: tuple[GroundFormula, ...]) -> FormulaGraph:
        blocks = self.nodes.blocks
        counts = [len(c) for _, c, _, _, _ in blocks]
        widths = np.concatenate([np.full(len(c), c.shape[1], np.int64) for _, c, _, _, _ in blocks])
        start = np.zeros(len(widths) + 1, np.int64)
        np.cumsum(widths, out=start[1:])
        kind = np.repeat(np.array([b[0] for b in blocks], np.uint8), counts)
        atom = np.concatenate([b[4] for b in blocks])
        unknown: dict[Key, tuple[Ids, Ids]] = {}
        canonical = {self.core.canonical(CoreAtom(k, (None,) * k[1]), self.symbols).key for k in self.scopes.open}
        used = np.unique(atom[atom >= self.graph.num_facts])
        number = np.full(self.builder.num_facts, -1, np.int32)
        number[: self.graph.num_facts] = np.arange(self.graph.num_facts)
        number[used] = self.graph.num_facts + np.arange(len(used))  # names and scopes have ids in between
        for key in sorted(canonical):
            relation = self.builder.relation(key)
            ids = np.array(relation.facts, np.int32)
            fresh = np.isin(ids, used)
            if fresh.any():
                unknown[key] = (number[ids[fresh]], np.array(relation.rows, np.int32)[fresh])
        return FormulaGraph(
            graph=self.graph,
            kind=kind,
            start=start,
            children=np.concatenate([b[1].reshape(-1) for b in blocks]).astype(np.int32),
            connective=np.repeat(np.array([b[2] for b in blocks], np.int32), counts),
            atom=np.where(atom >= 0, number[np.where(atom >= 0, atom, 0)], -1).astype(np.int32)
            if len(number)
            else atom,
            exhaustive=np.repeat(np.array([b[3] for b in blocks], bool), counts),
            formulas=formulas,
            connectives=self.connectives,
            unknown=unknown,
            open=frozenset(canonical),
        )
