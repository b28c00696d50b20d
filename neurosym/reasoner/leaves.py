"""Probabilities of the leaves: constants from the text, learned weights, and what networks say.

Networks are asked once for all their inputs. Graph networks come last: the probabilities of the facts that they read
are evaluated first, by the same engine, and reach them as edge weights with gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neurosym.errors import DataError, NetworkError
from neurosym.facts import FactBase
from neurosym.grounding import ChoiceGroup, DerivationGraph
from neurosym.lang.ast import Argument, NeuralDecl
from neurosym.lang.terms import Iri, Symbol, Value, spell
from neurosym.neural import FeatureTable
from neurosym.reasoner.asking import Asked
from neurosym.reasoner.graph_reader import GraphReader, in_order

if TYPE_CHECKING:
    from neurosym.neural import GraphInput


def feature_names(value: Value, prefixes: Mapping[str, str]) -> tuple[str, ...]:
    """The names under which a feature table may hold an entity."""
    plain = value.value if isinstance(value, Iri) else value.name if isinstance(value, Symbol) else str(value)
    return (spell(value, prefixes), plain)


class Leaves:
    """Fills the leaf columns of one graph, for any weights and any batch of inputs.

    In float64, whatever the answers shall be: an error in a leaf counts ten thousand times in a product of as many.
    """

    def __init__(
        self, graph: DerivationGraph, facts: FactBase, networks: Mapping[str, nn.Module],
        features: Mapping[str, FeatureTable],
    ) -> None:  # fmt: skip
        self.graph = graph
        self.networks = networks
        self.features = features
        self.facts = facts
        base = np.zeros(graph.num_facts)
        self._learned: list[tuple[int, Tensor, int]] = []
        self._neural: list[NeuralGroup] = []
        for group in graph.choices:
            if group.kind == "constant":
                assert group.probabilities is not None
                base[group.facts] = group.probabilities
            elif group.kind == "learned":
                assert group.parameters is not None
                index = torch.from_numpy(group.facts.astype(np.int64))
                for parameter in np.unique(group.parameters).tolist():
                    rows = index[torch.from_numpy(group.parameters == parameter)]
                    self._learned.append((parameter, rows.T.reshape(-1), len(rows)))
            elif group.kind == "neural":  # unknown atoms have no probability
                self._neural.append(NeuralGroup(graph, group, networks, features))
        self.base = torch.from_numpy(base)

    @cached_property
    def _graphs(self) -> list[GraphReader]:
        """What graph networks read, made when one is asked: a graph may be grounded for its facts alone."""
        return in_order([GraphReader(self.graph, self.facts, g) for g in self._neural if g.uses_graph])

    @property
    def slots(self) -> set[str]:
        """Names of the per-sample inputs that the networks need."""
        return set().union(*(g.slots for g in self._neural)) if self._neural else set()

    def __call__(self, weights: Callable[[int], Tensor], inputs: Mapping[str, Tensor]) -> Tensor:
        """(B, F) leaf probabilities.

        Args:
            weights: parameter index → its (K,) probabilities; inputs: slot → (B, …).
        """
        batch = batch_size(inputs, self.slots)
        device = next((t.device for t in inputs.values()), self.base.device)
        places: list[Tensor] = []
        values: list[Tensor] = []
        for parameter, rows, count in self._learned:
            probability = weights(parameter).double()
            device = probability.device
            places.append(rows)
            values.append(probability.repeat_interleave(count)[:, None].expand(-1, batch))
        for group in self._neural:
            if not group.uses_graph:
                places.append(group.leaves)
                values.append(group.ask(inputs, batch))
        tags = self._fill(places, values, batch, device)
        for reader in self._graphs:
            places.append(reader.group.leaves)
            values.append(reader.ask(tags))
            tags = self._fill(places, values, batch, device)
        return tags

    def with_answers(self, weights: Callable[[int], Tensor], said: Tensor) -> Tensor:
        """(B, F) leaf probabilities where what networks say is known.

        Args:
            weights: parameter index → its (K,) probabilities.
            said: (B, F) what networks say at their leaves; others are not read.
        """
        places, values = [], []
        for parameter, rows, count in self._learned:
            places.append(rows)
            values.append(weights(parameter).double().repeat_interleave(count)[:, None].expand(-1, len(said)))
        for group in self._neural:
            places.append(group.leaves)
            values.append(said[:, group.leaves].T)
        return self._fill(places, values, len(said), said.device)

    @property
    def neural(self) -> tuple[NeuralGroup, ...]:
        """The networks' sides of all neural predicates of the graph."""
        return tuple(self._neural)

    def asked_by(self, group: ChoiceGroup) -> NeuralGroup:
        """The network's side of a neural choice group."""
        return next(g for g in self._neural if g.key == group.key)

    def graph_read(self, asked: NeuralGroup, tags: Tensor) -> tuple[GraphInput, Tensor]:
        """What a graph network sees under (F,) leaf probabilities, and the (n,) nodes that it is asked about."""
        reader = next(r for r in self._graphs if r.group is asked)
        return reader.graph_input(tags[None])[0], reader.nodes.to(tags.device)

    def under(self, tags: Tensor, weights: Mapping[int, Tensor]) -> Tensor:
        """(S, B, F) leaf probabilities under S weight vectors as one batch; what networks say is kept.

        Args:
            tags: (B, F) those under any weights; weights: parameter index → (S, K).

        Raises:
            NetworkError: NS607, a graph network reads facts, whose probabilities may change with the weights.
        """
        if self._learned and any(reader.tagger is not None for reader in self._graphs):
            name = next(r.group.declaration.network for r in self._graphs if r.tagger is not None)
            raise NetworkError(
                f"the graph network `{name}` reads derived facts, and cannot be kept while weights change",
                code="NS607", help="let it read the knowledge graph only",
            )  # fmt: skip
        full = tags.expand(len(next(iter(weights.values()))) if weights else 1, -1, -1)
        for parameter, rows, count in self._learned:
            values = weights[parameter].to(tags).repeat_interleave(count, dim=1)  # outcome by outcome, as `rows`
            full = full.index_copy(2, rows.to(tags.device), values[:, None].expand(-1, len(tags), -1))
        return full

    def _fill(self, places: list[Tensor], values: list[Tensor], batch: int, device: torch.device) -> Tensor:
        full = self.base.to(device)[:, None].expand(-1, batch)
        if places:
            index = torch.cat(places).to(device)
            full = full.index_copy(0, index, torch.cat([v.to(device) for v in values]))
        return full.T


def batch_size(inputs: Mapping[str, Tensor], slots: set[str]) -> int:
    """How many samples the inputs have; 1 without any.

    Raises:
        DataError: NS613 one is missing; NS610 one is no tensor of samples, or they disagree.
    """
    missing = sorted(slots - set(inputs))
    if missing:
        name = missing[0]
        raise DataError(f"no input is given for `{name}`", code="NS613", help=f'inputs={{"{name}": tensor}}')
    for name in sorted(slots):
        if not isinstance(inputs[name], Tensor) or not inputs[name].dim():
            kind = type(inputs[name]).__name__
            raise DataError(
                f"the input `{name}` is a {kind}, and no tensor (B, …) of samples",
                help=f'inputs={{"{name}": tensor}}; of a single sample, tensor[None]',
            )
    sizes = {name: len(t) for name, t in inputs.items() if name in slots}
    if len(set(sizes.values())) > 1:
        raise DataError("the inputs have different batch sizes", note=", ".join(f"{n}: {s}" for n, s in sizes.items()))
    return next(iter(sizes.values()), 1)


class NeuralGroup:
    """One neural predicate's questions: where each argument's tensor comes from."""

    def __init__(
        self, graph: DerivationGraph, group: ChoiceGroup, networks: Mapping[str, nn.Module],
        features: Mapping[str, FeatureTable],
    ) -> None:  # fmt: skip
        assert group.inputs is not None and group.key is not None
        self.declaration: NeuralDecl = graph.neural_of(group)
        self.key = group.key
        self.predicate = f"{group.key[0]}/{group.key[1]}"
        name = self.declaration.network
        if name not in networks:
            given = ", ".join(sorted(networks)) or "none"
            raise NetworkError(
                f"the network `{name}` is missing; the neural predicate {self.predicate} needs it "
                f"({self.declaration.span})",
                code="NS601", note=f"networks given: {given}", help=f'networks={{"{name}": …}}',
            )  # fmt: skip
        self.network = networks[name]
        self.uses_graph = bool(getattr(self.network, "uses_graph", False))
        self.outcomes = group.facts.shape[1]
        self.n = len(group.facts)
        self._asked = Asked(self.declaration, self.predicate, self.network, self.outcomes)
        # (n, K) leaf ids in the order (row, outcome), as the values come
        self.leaves = torch.from_numpy(group.facts.astype(np.int64)).reshape(-1)
        self.terms = [graph.symbols.values(column) for column in group.inputs.T]
        self.features, self._prefixes = features, graph.prefixes

    @property
    def slots(self) -> set[str]:
        """Names of the per-sample inputs that it needs."""
        return {name for argument in self._arguments if isinstance(argument, tuple) for name in argument[0]}

    @cached_property
    def _arguments(self) -> list[tuple[list[str], Tensor] | Tensor]:
        """Where each argument's tensor comes from, found out when the network is asked."""
        if self.uses_graph:
            return []
        pairs = zip(self.declaration.args, self.terms, strict=False)
        return [self._argument(argument, terms, self.features, self._prefixes) for argument, terms in pairs]

    def _argument(
        self, argument: Argument, terms: list[Value], features: Mapping[str, FeatureTable], prefixes: Mapping[str, str]
    ) -> tuple[list[str], Tensor] | Tensor:
        table = find_table(argument, features, prefixes)
        if table is not None and all(any(n in table for n in feature_names(t, prefixes)) for t in terms):
            rows = [table.position(next(n for n in feature_names(t, prefixes) if n in table)) for t in terms]
            return table.rows[torch.tensor(rows, dtype=torch.long)]
        if argument.type.kind in ("Image", "Text", "Tensor") and all(isinstance(t, Symbol) for t in terms):
            names = [t.name for t in terms if isinstance(t, Symbol)]
            distinct = list(dict.fromkeys(names))
            return distinct, torch.tensor([distinct.index(n) for n in names], dtype=torch.long)
        kind = spell(Iri(argument.type.iri), prefixes) if argument.type.iri else argument.type.kind
        if table is None:
            raise DataError(
                f"no features are given for `{kind}`, which the network `{self.declaration.network}` reads",
                code="NS614", help=f'features={{"{kind}": FeatureTable(ids, rows)}}',
            )  # fmt: skip
        absent = next(t for t in terms if not any(n in table for n in feature_names(t, prefixes)))
        raise DataError(
            f"no features are given for {spell(absent, prefixes)}", code="NS614",
            note=f"the feature table of `{kind}` has {len(table)} rows, and {self.predicate} is asked about it",
        )  # fmt: skip

    def ask(self, inputs: Mapping[str, Tensor], batch: int) -> Tensor:
        """(n * K, B) probabilities."""
        tensors: list[Tensor] = []
        shared = all(isinstance(a, Tensor) for a in self._arguments)
        for argument in self._arguments:
            if isinstance(argument, Tensor):
                rows = argument if shared else argument[:, None].expand(-1, batch, *argument.shape[1:]).flatten(0, 1)
            else:
                names, index = argument
                stacked = self._stacked(inputs, names)
                rows = stacked[index.to(stacked.device)].flatten(0, 1)
            tensors.append(rows)
        probabilities = self.answers(tensors, self.n if shared else self.n * batch)
        # (n, B, K) -> (n, K, B)
        return probabilities.reshape(self.n, -1, self.outcomes).transpose(1, 2).expand(-1, -1, batch).flatten(0, 1)

    def ask_some(self, inputs: Mapping[str, Tensor], rows: Tensor, samples: Tensor) -> Tensor:
        """(P, K) probabilities for P pairs of a question's row and a sample; one that needs no input is asked once."""
        again = None
        if not self.slots:
            rows, again = torch.unique(rows, return_inverse=True)
        found = self.answers(self.tensors(inputs, rows, samples), len(rows))
        return found if again is None else found[again.to(found.device)]

    def tensors(self, inputs: Mapping[str, Tensor], rows: Tensor, samples: Tensor) -> list[Tensor]:
        """What the network is given, one (P, …) tensor for each argument, for P pairs of a row and a sample."""
        tensors: list[Tensor] = []
        for argument in self._arguments:
            if isinstance(argument, Tensor):
                tensors.append(argument[rows.to(argument.device)])
            else:
                stacked = self._stacked(inputs, argument[0])
                tensors.append(stacked[argument[1][rows].to(stacked.device), samples.to(stacked.device)])
        return tensors

    def _stacked(self, inputs: Mapping[str, Tensor], names: list[str]) -> Tensor:
        """(distinct, B, …) the inputs that an argument ranges over.

        Raises:
            DataError: NS637, a batch without samples; NS610, inputs of different shapes.
        """
        for name in names:
            if not len(inputs[name]):
                raise DataError(
                    f"the input `{name}`, of which {self.predicate} asks the network `{self.declaration.network}`, "
                    "holds no sample",
                    code="NS637", note=f"its shape is {tuple(inputs[name].shape)} ({self.declaration.span})",
                    help="leave out an empty batch",
                )  # fmt: skip
        if len({inputs[n].shape for n in names}) > 1:
            shapes = ", ".join(f"{n}: {tuple(inputs[n].shape)}" for n in names)
            raise DataError(
                f"the inputs of which {self.predicate} asks the network `{self.declaration.network}` differ in shape",
                note=f"{shapes} ({self.declaration.span})", help="give them one shape: they are asked about together",
            )  # fmt: skip
        return torch.stack([inputs[n] for n in names])

    def answers(self, tensors: list[Tensor], rows: int) -> Tensor:
        """(rows, K) probabilities that the network gives for its arguments."""
        return self._asked.answers(tensors, rows)

    def probabilities(self, logits: Tensor, rows: int) -> Tensor:
        """(rows, K) probabilities of what the network gave, checked."""
        return self._asked.probabilities(logits, rows)


def find_table(
    argument: Argument, features: Mapping[str, FeatureTable], prefixes: Mapping[str, str]
) -> FeatureTable | None:
    """The feature table of an argument: by its class, by its type's name, or by the argument's own name."""
    names = {argument.type.kind, argument.name}
    if argument.type.iri is not None:
        names |= {argument.type.iri, f"<{argument.type.iri}>", spell(Iri(argument.type.iri), prefixes)}
    return next((table for name, table in features.items() if name in names), None)
