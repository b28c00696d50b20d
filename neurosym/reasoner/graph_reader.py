"""What graph networks read: triples, facts with their probabilities as the weights of edges, and features of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError, NetworkError
from neurosym.facts import RDF_TYPE, FactBase
from neurosym.grounding import DerivationGraph
from neurosym.lang.ast import Atom, Var
from neurosym.lang.terms import Iri, Value, predicate_of_iri, spell
from neurosym.semantics import Exact, relevant_part, unknown_atom, unknown_leaves

if TYPE_CHECKING:
    from neurosym.neural import GraphInput
    from neurosym.reasoner.leaves import NeuralGroup


def read_atom(name: str) -> Atom:
    """What all edges of a relation match that a graph network reads: by an IRI, or a predicate's name."""
    return Atom(predicate_of_iri(name) if name.startswith("http") else name, (Var("_0", "_"), Var("_1", "_")))


class GraphReader:
    """The graph that a graph network sees: RDF triples, and the facts of the predicates it reads, as weighted edges."""

    def __init__(self, graph: DerivationGraph, facts: FactBase, group: NeuralGroup) -> None:
        self.group = group
        network = group.network
        reads = tuple(getattr(network, "reads", ()))
        relations = tuple(getattr(network, "relations", ()))
        names: dict[str, int] = {}
        index: dict[str, int] = {}
        source: list[int] = []
        target: list[int] = []
        kinds: list[int] = []

        def node(value: Value) -> int:
            text = value.value if isinstance(value, Iri) else spell(value)
            return names.setdefault(text, len(names))

        def edge(relation: str, s: Value, o: Value) -> None:
            source.append(node(s))
            target.append(node(o))
            kinds.append(index.setdefault(relation, len(index)))

        for name, args in facts:
            relation = name[1:-1] if name.startswith("<") else name
            if len(args) == 2 and (not relations or relation in relations) and relation not in reads:
                edge(relation, *args)
            elif len(args) == 1 and name.startswith("<") and (not relations or RDF_TYPE in relations):
                edge(RDF_TYPE, args[0], Iri(relation))
        self.certain = len(source)
        soft: list[int] = []
        for name in reads:
            for fact in graph.matches(read_atom(name)).tolist():
                s, *_, o = graph.symbols.values(graph.args(fact))  # of a triple, its subject and object
                edge(name, s, o)
                soft.append(fact)
        (asked,) = group.terms
        self.nodes = torch.tensor([node(t) for t in asked], dtype=torch.long)
        self.edge_index = torch.tensor([source, target], dtype=torch.long)
        self.edge_type = torch.tensor(kinds, dtype=torch.long)
        self.names, self.relations = tuple(names), tuple(index)
        self.features = self._described(group, names, graph.prefixes)
        self.soft = soft
        self.tagger = Exact(graph, soft) if soft else None
        # what its edge weights depend on
        empty = np.zeros(0, np.int64)
        self.below = relevant_part(graph, np.array(soft, np.int32), drop_certain=True).facts if soft else empty
        unknown = np.intersect1d(self.below, unknown_leaves(graph))
        if len(unknown):
            raise NetworkError(
                f"the graph network `{group.declaration.network}` reads facts that rest on unknown atoms",
                code="NS605", note=f"such as {unknown_atom(graph, int(unknown[0]))}, whose predicate is `open`",
                help="let it read predicates that rest on no open one, or leave `open` out",
            )  # fmt: skip

    @staticmethod
    def _described(
        group: NeuralGroup, names: Mapping[str, int], prefixes: Mapping[str, str]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """For each feature table that the network encodes, the nodes of its entities, and their rows."""
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for table in getattr(group.network, "encodes", ()):
            if table not in group.features:
                raise DataError(
                    f"no features are given for `{table}`, which the graph network `{group.declaration.network}` "
                    f"of {group.predicate} encodes",
                    code="NS614", help=f'features={{"{table}": FeatureTable(ids, rows)}}',
                )  # fmt: skip
            pairs = []
            for row, name in enumerate(group.features[table].ids):
                plain = name.removeprefix("<").removesuffix(">")
                prefix, colon, local = plain.partition(":")
                full = prefixes[prefix] + local if colon and prefix in prefixes else plain
                node = names.get(full, names.get(plain))
                if node is not None:
                    pairs.append((node, row))
            nodes, rows = (torch.tensor([p[k] for p in pairs], dtype=torch.long) for k in (0, 1))
            found[table] = (nodes, group.features[table].rows[rows])
        return found

    def reads_from(self, other: GraphReader) -> bool:
        """Whether an edge weight depends on what a graph network says."""
        return bool(np.isin(self.below, other.group.leaves.numpy()).any())

    def graph_input(self, tags: Tensor) -> list[GraphInput]:
        """The weighted graph of each sample, B of them (one if there are only certain edges)."""
        from neurosym.neural import GraphInput

        weights = tags.new_ones((1 if self.tagger is None else len(tags), self.certain))
        if self.tagger is not None:
            weights = torch.cat([weights, self.tagger(tags)], dim=1)
        device = tags.device
        index, kind = self.edge_index.to(device), self.edge_type.to(device)
        features = {name: (nodes.to(device), rows.to(device)) for name, (nodes, rows) in self.features.items()}
        return [GraphInput(self.names, index, kind, w, self.relations, features) for w in weights]

    def ask(self, tags: Tensor) -> Tensor:
        """(n * K, B) probabilities."""
        columns = []
        for graph in self.graph_input(tags):
            logits = self.group.network(graph, self.nodes.to(tags.device))
            columns.append(self.group.probabilities(logits, self.group.n).reshape(-1))
        return torch.stack(columns, dim=1).expand(-1, len(tags))


def in_order(readers: list[GraphReader]) -> list[GraphReader]:
    """Graph networks such that each comes after those whose answers its edges depend on.

    Raises:
        NetworkError: one reads its own answers, directly or through others.
    """
    result: list[GraphReader] = []
    rest = list(readers)
    while rest:
        ready = next((r for r in rest if not any(r.reads_from(other) for other in rest)), None)
        if ready is None:
            names = " and ".join(f"`{r.group.declaration.network}`" for r in rest)
            raise NetworkError(
                f"the graph network {names} reads facts that depend on its own answers",
                code="NS604", help="let it read predicates of lower strata only",
            )  # fmt: skip
        rest.remove(ready)
        result.append(ready)
    return result


__all__ = ["GraphReader", "in_order", "read_atom"]
