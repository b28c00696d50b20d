"""Neural facts: created when a rule asks a network about something, one leaf for each of its values."""

from __future__ import annotations

import numpy as np

from neurosym.errors import GroundingError
from neurosym.facts import Ids
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.bodies import SLOT_TYPES
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.columns import Tuples
from neurosym.grounding.core import CoreAtom, Key
from neurosym.grounding.graph import ChoiceGroup
from neurosym.lang.ast import NeuralDecl


class NeuralFacts:
    """The neural facts asked for so far.

    Inputs for which facts were given (in the rule file, a test, the fact base) are not asked of the network.
    """

    def __init__(self, builder: GraphBuilder, slots: Ids, closed: bool) -> None:
        """No facts yet but those that were given.

        Args:
            slots: term ids of the sample's inputs, over which free `Image`, `Text` and `Tensor` arguments range.
            closed: leave out what is not given, instead of asking networks (for an expert's tests).
        """
        self.builder = builder
        self.slots = slots
        self.closed = closed
        self._asked: dict[Key, Tuples] = {}
        self._given: dict[Key, int] = {}
        self._given_facts: dict[Key, int] = {}
        self._inputs: dict[Key, list[Ids]] = {}
        self._leaves: dict[Key, list[Ids]] = {}
        self.values: dict[Key, Ids] = {}
        for key, declaration in builder.program.neural.items():
            if declaration.values is not None:
                self.values[key] = builder.symbols.intern_many(declaration.values)
            relation = builder.relation(key)
            asked = self._asked[key] = Tuples(_width(declaration))
            self._inputs[key], self._leaves[key] = [], []
            if relation.size:
                asked.find_or_add(np.ascontiguousarray(relation.rows[:, : _width(declaration)]))
            self._given[key] = asked.size
            self._given_facts[key] = relation.size

    def bind_slots(self, atom: CoreAtom, table: Bindings) -> tuple[Bindings, Bindings]:
        """Let free slot arguments of a neural atom range over the sample's inputs, and over those with given facts.

        Returns:
            All bindings, and those of them that the network is to be asked about: the sample's inputs only.
        """
        declaration = self.builder.program.neural[atom.key]
        given = self.builder.relation(atom.key).rows[: self._given_facts[atom.key]]
        free: list[str] = []
        for k, (arg, declared) in enumerate(zip(atom.args, declaration.args[: _width(declaration)], strict=False)):
            if isinstance(arg, str) and arg not in table.columns:
                if declared.type.kind not in SLOT_TYPES:
                    raise GroundingError(
                        f"argument `{arg}` of the neural predicate {atom.key[0]} is not bound", code="NS408"
                    )
                n = table.n
                values = np.concatenate([self.slots, np.setdiff1d(given[:, k], self.slots)])
                table = table.take(np.repeat(np.arange(n), len(values)), frozenset(table.columns))
                table.columns[arg] = np.tile(values, n)
                free.append(arg)
        if not free or not self._given_facts[atom.key]:
            return table, table
        asked = np.logical_and.reduce([np.isin(table.columns[arg], self.slots) for arg in free])
        return table, table.take(np.nonzero(asked)[0], frozenset(table.columns))

    def ask(self, atom: CoreAtom, table: Bindings) -> None:
        """Create the facts of a neural atom for the inputs that the bindings hold."""
        if self.closed or not table.n:
            return
        declaration = self.builder.program.neural[atom.key]
        width = _width(declaration)
        columns = [
            np.full(table.n, a, np.int32) if isinstance(a, int) else table.columns[a]
            for a in atom.args[:width]
            if a is not None
        ]
        if len(columns) < width:
            raise GroundingError(f"an input of the neural predicate {atom.key[0]} is not bound", code="NS408")
        self.ask_rows(atom.key, np.stack(columns, axis=1) if columns else np.zeros((table.n, 0), np.int32))

    def ask_rows(self, key: Key, inputs: Ids) -> None:
        """Create the facts of a neural predicate for (n, inputs) term ids."""
        if self.closed:
            return
        asked = self._asked[key]
        before = asked.size
        numbers = asked.find_or_add(inputs)
        fresh = np.nonzero(numbers >= before)[0]
        if not len(fresh):
            return
        _, first = np.unique(numbers[fresh], return_index=True)
        rows = inputs[fresh[first]]
        values = self.values.get(key)
        outcomes = 1 if values is None else len(values)
        full = np.repeat(rows, outcomes, axis=0)
        if values is not None:
            full = np.concatenate([full, np.tile(values, len(rows))[:, None]], axis=1)
        facts, _ = self.builder.add_facts(key, np.ascontiguousarray(full), False, 0)
        self._inputs[key].append(rows)
        self._leaves[key].append(facts.reshape(len(rows), outcomes))

    def finish(self) -> None:
        """Register the leaves as choices, one group for each neural predicate."""
        for key, leaves in self._leaves.items():
            if leaves:
                inputs = np.concatenate(self._inputs[key])
                bernoulli = key not in self.values
                nobody = np.full(len(inputs), -1, np.int32)
                group = ChoiceGroup(np.concatenate(leaves), "neural", nobody, bernoulli, key=key, inputs=inputs)
                self.builder.add_choices(group)


def _width(declaration: NeuralDecl) -> int:
    """How many of the arguments are inputs of the network."""
    return len(declaration.args) - (declaration.values is not None)
