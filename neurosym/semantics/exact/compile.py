"""Facts for which sums and products cannot be proved right: compiled to sentential decision diagrams by pysdd.

A choice with one outcome is one variable; a choice with several has an indicator for each outcome, and one for
'other' where that can happen, under the constraint that exactly one of them holds. The constraint determines every
indicator wherever it could be free, so the diagram needs no smoothing. Cycles are solved by iterating the formulas of
a strongly connected component from false to their fixpoint (Vlasselaer et al., IJCAI 2015): diagrams are canonical, so
that equality ends the iteration.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurosym.errors import SemanticsError
from neurosym.semantics.exact.circuit import CircuitBuilder
from neurosym.semantics.exact.independence import bits, order_of
from neurosym.semantics.exact.shape import Shape


class Compiler:
    """Formulas over the choices of one shape."""

    def __init__(self, shape: Shape, choices: list[int], max_nodes: int) -> None:
        """A manager with one variable for each choice or outcome.

        Args:
            choices: those that the formulas depend on, in variable order.
            max_nodes: size at which compilation stops.
        """
        from pysdd.sdd import SddManager, Vtree

        self.shape = shape
        self.max_nodes = max_nodes
        self.variables: dict[tuple[int, int], int] = {}
        self.meaning: dict[int, tuple[int, int]] = {}
        for choice in choices:
            count = shape.outcomes[choice]
            indicators = 1 if self._single(choice) else count + shape.other[choice]
            for outcome in range(indicators):
                self.variables[(choice, outcome)] = len(self.variables) + 1
                self.meaning[len(self.variables)] = (choice, outcome)
        count = max(1, len(self.variables))
        vtree = Vtree(var_count=count, var_order=list(range(1, count + 1)), vtree_type="right")
        self.manager = SddManager.from_vtree(vtree)
        self.formulas: dict[int, object] = {}
        self._constraints: dict[int, object] = {}
        self._choices: dict[int, int] = {}  # fact → bit set of the choices that its formula may speak of

    def _single(self, choice: int) -> bool:
        return self.shape.outcomes[choice] == 1 and self.shape.other[choice]

    def build(self, facts: Iterable[int]) -> None:
        """Compile facts and everything below them."""
        below: set[int] = set()
        stack = list(facts)
        while stack:
            fact = stack.pop()
            if fact not in below:
                below.add(fact)
                stack.extend(x if x >= 0 else ~x for body in self.shape.groundings[fact] for x in body)
        for component, cyclic in order_of(self.shape):
            members = [f for f in sorted(component) if f in below and f not in self.formulas]
            if not members:
                continue
            choices = 0
            for fact in members:
                leaf = self.shape.leaf[fact]
                choices |= 1 << leaf[0] if leaf is not None else 0
                for body in self.shape.groundings[fact]:
                    for literal in body:
                        choices |= self._choices.get(literal if literal >= 0 else ~literal, 0)
            for fact in members:
                self._choices[fact] = choices
            for fact in members:
                self.formulas[fact] = self.manager.false()
            while True:
                changed = False
                for fact in members:
                    formula = self._formula(fact)
                    changed |= formula != self.formulas[fact]
                    self.formulas[fact] = formula
                if not cyclic or not changed:
                    break

    def _formula(self, fact: int) -> object:
        leaf = self.shape.leaf[fact]
        if leaf is not None:
            return self.manager.literal(self.variables[leaf])
        result = self.manager.false()
        for body in self.shape.groundings[fact]:
            term = self.manager.true()
            for literal in body:
                term = term & (self.formulas[literal] if literal >= 0 else ~self.formulas[~literal])  # pyright: ignore
                if term.is_false():
                    break
            result = result | term
        if self.manager.live_size() + self.manager.dead_size() > self.max_nodes:
            raise SemanticsError(
                f"the circuit of a query grew past {self.max_nodes:,} nodes",
                code="NS520",
                note=f"{len(self.meaning)} choices depend on one another",
                help="ask for a smaller part, use another semantics, or raise max_circuit",
            )
        return result

    def conjoin(self, literals: Iterable[int]) -> object:
        """The conjunction of facts (`~fact` negated), with the constraints of the choices in their formulas.

        The choices are read off the groundings: the analysis forgets choices that occur in impossible bodies only
        (`v0, v1` of one choice), but the formula is impossible by their constraint alone.
        """
        result = self.manager.true()
        choices = 0
        for literal in literals:
            result = result & (self.formulas[literal] if literal >= 0 else ~self.formulas[~literal])  # pyright: ignore
            choices |= self._choices[literal if literal >= 0 else ~literal]
        for choice in bits(choices):
            if not self._single(choice):
                result = result & self._exactly_one(choice)  # pyright: ignore[reportOperatorIssue]
        return result

    def _exactly_one(self, choice: int) -> object:
        if choice not in self._constraints:
            variables = [v for (c, _), v in self.variables.items() if c == choice]
            result = self.manager.false()
            for chosen in variables:
                term = self.manager.true()
                for variable in variables:
                    term = term & self.manager.literal(variable if variable == chosen else -variable)
                result = result | term
            self._constraints[choice] = result
        return self._constraints[choice]

    def read_off(self, root: object, builder: CircuitBuilder, leaves: dict[tuple[int, int], int]) -> int:
        """The weighted model count of a formula as a node of an arithmetic circuit."""
        known: dict[int, int] = {}
        stack = [root]
        while stack:
            node = stack[-1]
            if node.id in known:  # pyright: ignore
                stack.pop()
            elif node.is_true() or node.is_false():  # pyright: ignore
                known[node.id] = builder.one if node.is_true() else builder.zero  # pyright: ignore
            elif node.is_literal():  # pyright: ignore
                known[node.id] = self._literal(node.literal, builder, leaves)  # pyright: ignore
            else:
                elements = list(node.elements())  # pyright: ignore
                missing = [x for pair in elements for x in pair if x.id not in known]
                if missing:
                    stack.extend(missing)
                else:
                    terms = [builder.product([known[p.id], known[s.id]]) for p, s in elements]
                    known[node.id] = builder.sum(terms)  # pyright: ignore
        return known[root.id]  # pyright: ignore

    def _literal(self, literal: int, builder: CircuitBuilder, leaves: dict[tuple[int, int], int]) -> int:
        choice, outcome = self.meaning[abs(literal)]
        if self._single(choice):
            leaf = leaves[(choice, 0)]
            return leaf if literal > 0 else builder.complement(leaf)
        if literal < 0:
            return builder.one
        if outcome == self.shape.outcomes[choice]:
            return builder.complement(builder.sum([leaves[(choice, k)] for k in range(outcome)]))
        return leaves[(choice, outcome)]
