"""Formulas and rules as one network of neurons over the atoms: the columns that inference works on.

`not`, `and`, `or` and `implies` are all one kind of neuron: a sum of weighted operands, clamped to [0, 1], after
Łukasiewicz. A rule is the implication of its head by its body, with its weight as the least truth. A closed predicate
is *completed*: its atom implies that one of the bodies that could derive it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import Span
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.grounding.core import Key
from neurosym.grounding.formulas import (
    AND,
    ATOM,
    EXISTS,
    FALSE,
    FORALL,
    IFF,
    IMPLIES,
    NOT,
    OR,
    TRUE,
    FormulaGraph,
)

Long = NDArray[np.int64]
LINEAR = (NOT, AND, OR, IMPLIES)


@dataclass(frozen=True)
class Element:
    """What can be in conflict: a constraint, a rule, an observation, or that a predicate is closed.

    Attributes:
        kind: `constraint`, `rule`, `evidence` or `closed`; `number`: index among its kind in the program, else -1.
    """

    kind: str
    label: str
    span: Span | None
    number: int = -1


@dataclass
class _Asserted:
    """Columns of what is asserted; see `Theory`."""

    unit: list[Long] = field(default_factory=list)
    element: list[Long] = field(default_factory=list)
    lower: list[NDArray[np.float64]] = field(default_factory=list)
    upper: list[NDArray[np.float64]] = field(default_factory=list)
    leaf: list[Long] = field(default_factory=list)

    def add(
        self, unit: Long, element: Long, lower: float | NDArray[np.float64] = 1.0, upper: float = 1.0,
        leaf: Long | None = None,
    ) -> None:  # fmt: skip
        n = len(unit)
        self.unit.append(unit)
        self.element.append(element)
        self.lower.append(np.broadcast_to(np.asarray(lower, np.float64), (n,)))
        self.upper.append(np.full(n, upper))
        self.leaf.append(np.full(n, -1, np.int64) if leaf is None else leaf)


@dataclass(frozen=True)
class Layer:
    """Units of one kind that can be computed together.

    Attributes:
        kind: `AND` for all linear ones; else `IFF`, `FORALL` or `EXISTS`.
        units: (n,); parent: (e,) position among them; child: (e,) units.
        coefficient: (e,) +1 or -1 before weights; `bias`: (n,) at weights 1.
        operand: (e,) number of the operand whose weight it has, -1 for none; `connective`: (n,) likewise.
        exhaustive: (n,) of quantifiers; kinds: (n,) `NOT` to `EXISTS`.
    """

    kind: int
    units: Long
    parent: Long
    child: Long
    coefficient: NDArray[np.float64]
    bias: NDArray[np.float64]
    operand: Long
    connective: Long
    exhaustive: NDArray[np.bool_]
    kinds: NDArray[np.uint8]


@dataclass(frozen=True)
class Theory:
    """V units: the A atoms, then formulas, then rules.

    Attributes:
        layers: from the atoms upwards.
        unit_of_node: (N,) unit of each node of the formula graph.
        known: (A,) atoms that are certain; leaf: (A,) whether an atom's truth is the tag of its leaf.
        asserted: columns `unit`, `element`, `lower`, `upper`, `leaf` (the fact whose tag is the lower bound, -1: none).
        elements: what can be in conflict; the first ones are the constraints.
        groundings: (n,) of the derivation graph, those that are implications; bodies: (n,) units of their bodies.
    """

    formulas: FormulaGraph
    size: int
    layers: tuple[Layer, ...]
    unit_of_node: Long
    known: NDArray[np.bool_]
    leaf: NDArray[np.bool_]
    unit: Long
    element: Long
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower_leaf: Long
    elements: tuple[Element, ...]
    groundings: Long
    bodies: Long

    @property
    def true_unit(self) -> int:
        """The constant true; false is the one before."""
        return self.formulas.num_atoms + 1


def theory_of(formulas: FormulaGraph, evidence: Sequence[tuple[int, bool, Span | None]] = ()) -> Theory:
    """The network of a formula graph, with the rules of its derivation graph.

    Args:
        evidence: (atom id, observed true, where it is written).
    """
    return _Maker(formulas).make(evidence)


def rule_weights(graph: DerivationGraph) -> NDArray[np.bool_]:
    """(F,) leaves that stand for the weight of a rule with a body."""
    found = np.zeros(graph.num_facts, bool)
    for group in graph.choices:
        if group.kind not in ("constant", "learned"):
            continue
        for statement in np.unique(group.statements).tolist():
            if not graph.program.statements[statement].is_fact:
                found[group.facts[group.statements == statement].reshape(-1)] = True
    return found


class _Maker:
    def __init__(self, formulas: FormulaGraph) -> None:
        self.formulas = formulas
        self.graph: DerivationGraph = formulas.graph
        self.atoms = formulas.num_atoms
        self.size = self.atoms + 2
        self.layers: list[Layer] = []
        self.elements: list[Element] = []
        self.asserted = _Asserted()
        self.groundings = self.bodies = np.zeros(0, np.int64)

    def make(self, evidence: Sequence[tuple[int, bool, Span | None]]) -> Theory:
        unit = self._formulas()
        for k, formula in enumerate(self.formulas.formulas):
            word = "constraint" if formula.constraint.forbids is None else "forbid"
            self.elements.append(Element("constraint", f"{word} {formula.label}", formula.span, k))
        roots = np.array([unit[f.root] for f in self.formulas.formulas], np.int64)
        self.asserted.add(roots, np.arange(len(roots)))
        self._rules()
        for atom, observed, span in evidence:
            self.elements.append(Element("evidence", f"the evidence on {self.formulas.spell_atom(atom)}", span))
            at = np.array([len(self.elements) - 1])
            self.asserted.add(np.array([atom]), at, float(observed), float(observed))
        known = np.zeros(self.atoms, bool)
        leaf = np.zeros(self.atoms, bool)
        known[: self.graph.num_facts] = self.graph.status == CERTAIN
        leaf[: self.graph.num_facts] = self._tagged()
        a = self.asserted
        return Theory(
            self.formulas, self.size, tuple(self.layers), unit, known, leaf,
            np.concatenate(a.unit).astype(np.int64), np.concatenate(a.element).astype(np.int64),
            np.concatenate(a.lower), np.concatenate(a.upper), np.concatenate(a.leaf).astype(np.int64),
            tuple(self.elements), self.groundings, self.bodies,
        )  # fmt: skip

    def _units(self, n: int) -> Long:
        self.size += n
        return np.arange(self.size - n, self.size)

    # ------------------------------------------------------------------------------------------------ formulas

    def _formulas(self) -> Long:
        """(N,) the unit of each node."""
        graph = self.formulas
        unit = np.zeros(graph.num_nodes, np.int64)
        unit[graph.kind == FALSE], unit[graph.kind == TRUE] = self.atoms, self.atoms + 1
        is_atom = graph.kind == ATOM
        unit[is_atom] = graph.atom[is_atom]
        empty = np.nonzero(np.isin(graph.kind, (FORALL, EXISTS, *LINEAR)) & (graph.level == 0))[0]
        if len(empty):  # quantifiers over nothing that is known
            unit[empty] = self._units(len(empty))
        for level in range(1, int(graph.level.max()) + 1):
            linear = np.isin(graph.kind, LINEAR) & (graph.level == level)
            groups = [(AND, linear)]
            groups += [(k, (graph.kind == k) & (graph.level == level)) for k in (IFF, FORALL, EXISTS)]
            for kind, chosen in groups:
                nodes = np.nonzero(chosen)[0]
                if len(nodes):
                    unit[nodes] = self._units(len(nodes))
                    self.layers.append(self._layer(kind, nodes, unit))
        return unit

    def _layer(self, kind: int, nodes: Long, unit: Long) -> Layer:
        graph = self.formulas
        counts = graph.start[nodes + 1] - graph.start[nodes]
        parent, at = expand(graph.start[nodes], counts)
        kinds = graph.kind[nodes]
        position = at - graph.start[nodes][parent]
        negative = (kinds[parent] == NOT) | ((kinds[parent] == IMPLIES) & (position == 0))
        # and: 1 - n + sum, or: sum, not: 1 - x, implies: 1 - x + y; at bias 1 and weights 1
        bias = np.where(kinds == AND, 1.0 - counts, np.where(kinds == OR, 0.0, 1.0))
        connective = graph.connective[nodes].astype(np.int64)
        first = np.array([c.first for c in graph.connectives], np.int64)
        return Layer(
            kind, unit[nodes], parent, unit[graph.children[at]], np.where(negative, -1.0, 1.0), bias,
            first[connective][parent] + position, connective, graph.exhaustive[nodes], kinds,
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------------- rules

    def _tagged(self) -> NDArray[np.bool_]:
        """(F,) leaves whose tag is their truth: facts with a probability, answers of networks."""
        graph = self.graph
        found = np.zeros(graph.num_facts, bool)
        for group in graph.choices:
            if group.kind != "open":
                found[group.facts.reshape(-1)] = True
        return found & ~rule_weights(self.graph)

    def _rules(self) -> None:
        """Implications of heads by bodies, and completions."""
        graph = self.graph
        part = np.array([r.part == "open" for r in graph.rules], bool)
        open_rule = part[graph.rule] if len(graph.rule) else np.zeros(0, bool)
        used = np.nonzero((graph.status[graph.head] != CERTAIN) & ~open_rule)[0]
        if not len(used):
            return
        weights = rule_weights(graph)
        first, last = graph.body_start[used].astype(np.int64), graph.body_start[used + 1].astype(np.int64)
        parent, at = expand(first, last - first)
        body, sign = graph.body[at].astype(np.int64), graph.sign[at]
        # a rule's weight is the least truth of the implication, and no part of its body
        is_weight = weights[body]
        leaf = np.full(len(used), -1, np.int64)
        leaf[parent[is_weight]] = body[is_weight]
        parent, body, sign = parent[~is_weight], body[~is_weight], sign[~is_weight]
        n = len(used)
        bodies = self._units(n)
        self.groundings, self.bodies = used, bodies
        positive = np.bincount(parent[sign], minlength=n)
        self._linear(bodies, parent, body, np.where(sign, 1.0, -1.0), (1.0 - positive).astype(np.float64))
        head = graph.head[used].astype(np.int64)
        rules = self._units(n)
        both = np.concatenate([np.arange(n), np.arange(n)])
        signs = np.concatenate([np.full(n, -1.0), np.ones(n)])
        self._linear(rules, both, np.concatenate([bodies, head]), signs, np.ones(n))
        statements = np.array([r.statement for r in graph.rules], np.int64)[graph.rule[used]]
        self.asserted.add(rules, self._statements(statements), leaf=leaf)
        self._complete(head, bodies)

    def _statements(self, statements: Long) -> Long:
        """(n,) elements of rules."""
        distinct, of = np.unique(statements, return_inverse=True)
        numbers = []
        for statement in distinct.tolist():
            rule = self.graph.program.statements[statement]
            numbers.append(len(self.elements))
            self.elements.append(Element("rule", f"rule {rule.label}", rule.span, statement))
        return np.array(numbers, np.int64)[of.reshape(-1)]

    def _complete(self, head: Long, bodies: Long) -> None:
        """An atom of a closed predicate implies that one of its bodies holds."""
        graph, core = self.graph, self.graph.program
        distinct, of = np.unique(head, return_inverse=True)
        closed = np.array([k not in core.open for k in graph.predicates], bool)[graph.predicate[distinct]]
        chosen = np.nonzero(closed)[0]
        number = np.full(len(distinct), -1, np.int64)
        number[chosen] = np.arange(len(chosen))
        keep = number[of.reshape(-1)] >= 0
        n = len(chosen)
        if not n:
            return
        some, implied = self._units(n), self._units(n)
        parent = number[of.reshape(-1)][keep]
        self._linear(some, parent, bodies[keep], np.ones(len(parent)), np.zeros(n))
        both = np.concatenate([np.arange(n), np.arange(n)])
        signs = np.concatenate([np.full(n, -1.0), np.ones(n)])
        self._linear(implied, both, np.concatenate([distinct[chosen], some]), signs, np.ones(n))
        predicates, which = np.unique(graph.predicate[distinct[chosen]], return_inverse=True)
        numbers = [self._closed(graph.predicates[p]) for p in predicates.tolist()]
        self.asserted.add(implied, np.array(numbers, np.int64)[which.reshape(-1)])

    def _closed(self, key: Key) -> int:
        name = self.graph.program.hidden.get(key, f"{key[0]}/{key[1]}")
        self.elements.append(Element("closed", f"nothing but its rules makes {name} true", None))
        return len(self.elements) - 1

    def _linear(
        self, units: Long, parent: Long, child: Long, coefficient: NDArray[np.float64], bias: NDArray[np.float64]
    ) -> None:  # fmt: skip
        none = np.full(len(parent), -1, np.int64)
        self.layers.append(
            Layer(
                AND,
                units,
                parent,
                child,
                coefficient,
                np.asarray(bias, np.float64),
                none,
                np.full(len(units), -1, np.int64),
                np.ones(len(units), bool),
                np.full(len(units), AND, np.uint8),
            )
        )
