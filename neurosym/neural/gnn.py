"""Graph networks over the knowledge graph and what the networks below have found. The only door to torch_geometric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.explain import Explainer, ExplainerAlgorithm, Explanation
from torch_geometric.explain.metric import fidelity, unfaithfulness
from torch_geometric.nn import MessagePassing as MessagePassing
from torch_geometric.nn import RGCNConv as RGCNConv  # for the encoders: this file is the door

from neurosym.errors import NetworkError
from neurosym.neural.contract import described, width_of

# Which way messages run along a relation: from subject to object, from object to subject, or (each with weights of
# its own) both.
WAYS = ("both", "forward", "backward")


@dataclass(frozen=True, eq=False)
class GraphInput:
    """A weighted graph of triples.

    Attributes:
        nodes: the N nodes' names: full IRIs without brackets, other terms as the rule language spells them.
        edge_index: (2, E) long, subjects over objects.
        edge_type: (E,) long, which of `relations`.
        edge_weight: (E,) probability that the triple holds, with gradients: 1 for certain ones, the tag of the fact for
            those that depend on networks. A triple of weight 0 counts as an absent one.
        relations: names of the relations: IRIs of properties (rdf:type for classes), names of predicates.
        features: feature table → (m,) numbers of the nodes that it describes, and (m, …) their rows; of the tables that
            the network `encodes`.
    """

    nodes: tuple[str, ...]
    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor
    relations: tuple[str, ...]
    features: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        edges = self.edge_type.shape[0]
        if self.edge_index.shape != (2, edges) or self.edge_weight.shape != (edges,):
            raise NetworkError(
                "the parts of a graph disagree on the number of edges",
                note=f"edge_index {tuple(self.edge_index.shape)}, edge_type {tuple(self.edge_type.shape)}, "
                f"edge_weight {tuple(self.edge_weight.shape)}",
            )
        if edges and (
            int(self.edge_index.max()) >= len(self.nodes) or int(self.edge_type.max()) >= len(self.relations)
        ):
            raise NetworkError("an edge of a graph names a node or relation that the graph does not have")

    @cached_property
    def positions(self) -> dict[str, int]:
        """Node → its number."""
        return {name: i for i, name in enumerate(self.nodes)}


class RelationalLayer(MessagePassing):
    """One round of relational message passing (R-GCN; Schlichtkrull et al., ESWC 2018), over weighted edges.

    x'_i = W_0 x_i + b + Σ_r W_r · damp(d_ir) Σ_{e: j → i in r} w_e x_j  with d_ir = Σ w_e and damp(d) = log(1 + d) / d.

    R-GCN divides by the number of edges instead; then an edge of weight 0 would weigh on the result, and three findings
    could not be told from one. The damped sum keeps both apart, and grows with log(degree) only.
    """

    def __init__(self, before: int, after: int, channels: int) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.channels = channels
        self.own = nn.Linear(before, after)
        self.weight = nn.Parameter(torch.empty(channels * before, after))
        nn.init.uniform_(self.weight, -(before**-0.5), before**-0.5)

    def forward(self, x: Tensor, edge_index: Tensor, channel: Tensor, weight: Tensor) -> Tensor:
        """(N, D) nodes, (2, E) edges, (E,) their channels and weights → (N, D')."""
        count = x.shape[0]
        # One scatter for all relations: node i listens at places i·R … i·R + R - 1, one for each channel.
        places = torch.stack([edge_index[0], edge_index[1] * self.channels + channel])
        size = (count, count * self.channels)
        sums = self.propagate(places, x=x, weight=weight, size=size)  # (N·R, D)
        degree = torch.zeros(size[1], dtype=x.dtype, device=x.device).index_add(0, places[1], weight)
        # log(1 + d) / d is 1 at d = 0; the inner where keeps the gradient finite there.
        safe = torch.where(degree > 1e-6, degree, torch.ones_like(degree))
        damp = torch.where(degree > 1e-6, torch.log1p(safe) / safe, torch.ones_like(degree))
        return self.own(x) + (damp.unsqueeze(1) * sums).reshape(count, -1) @ self.weight

    def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
        """(E, D) what runs along the edges."""
        return weight.unsqueeze(1) * x_j


class RelationalGNN(nn.Module):
    """A relational graph network that gives each node asked for a logit.

    Only nodes of the declared vocabulary (the ontology's) have embeddings of their own; all others, patients for one,
    start from one shared vector and are told apart by their edges. So it works on entities never seen in training. If
    every relation that leaves such entities runs `backward` (from the ontology to them), what it says of one of them
    does not depend on which others are in the graph.

    Args:
        relations: the relations it listens to; edges of others are left out.
        vocabulary: names of the nodes with embeddings of their own.
        reads: predicates whose facts, uncertain ones too, become edges beside the RDF triples; relations as well.
        hidden: width D of the node vectors.
        layers: rounds of message passing, so the longest path that counts.
        directions: relation → `forward` (subject to object), `backward` or `both`, which is the default.
        dropout: share of units left out between layers in training.
        prior: probability that it gives at the start. One that starts at 0.5 for all under a noisy-or is first pushed
            down for all, so far that no gradient brings it back.
        seed: of the initial weights, which then do not depend on torch's global state.
        encoders: feature table → a network with embeddings (`contract`), which are added to the start vectors of the
            entities that the table describes. It may be the network of a neural predicate as well: both train it.
    """

    uses_graph = True

    def __init__(
        self,
        relations: Sequence[str],
        vocabulary: Sequence[str],
        reads: Sequence[str] = (),
        hidden: int = 16,
        layers: int = 2,
        directions: Mapping[str, str] | None = None,
        dropout: float = 0.0,
        prior: float = 0.1,
        seed: int = 0,
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.relations = tuple(dict.fromkeys((*relations, *reads)))
        self.vocabulary, self.reads = tuple(dict.fromkeys(vocabulary)), tuple(reads)
        self.hidden, self.dropout, self.prior, self.seed = hidden, float(dropout), float(prior), seed
        self.directions = dict(directions or {})
        for relation, way in self.directions.items():
            if relation not in self.relations or way not in WAYS:
                raise NetworkError(
                    f"the direction `{way}` of relation `{relation}` cannot be used",
                    note=f"directions are {', '.join(WAYS)}; relations are {', '.join(self.relations)}",
                )
        # (relation, reversed) → channel: a weight matrix for each way of each relation.
        ways = [(r, self.directions.get(r, "both")) for r in self.relations]
        channels = [(r, False) for r, way in ways if way != "backward"] + [
            (r, True) for r, way in ways if way != "forward"
        ]
        self._channels = {key: i for i, key in enumerate(channels)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # The last row is the shared vector of all nodes outside the vocabulary.
            self.embedding = nn.Parameter(torch.randn(len(self.vocabulary) + 1, hidden))
            self.rounds = nn.ModuleList(RelationalLayer(hidden, hidden, len(channels)) for _ in range(layers))
            self.out = nn.Linear(hidden, 1)
            nn.init.constant_(self.out.bias, math.log(prior / (1 - prior)))
            # After all others, whose first weights stay as they were without encoders. Names of tables may hold dots,
            # which a ModuleDict refuses.
            self.encodes = tuple(encoders or {})
            self.encoders = nn.ModuleList((encoders or {}).values())
            self.entries = nn.ModuleList(nn.Linear(width_of(e), hidden) for e in self.encoders)
        self._rows = {name: i for i, name in enumerate(self.vocabulary)}

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            "relations": list(self.relations),
            "vocabulary": list(self.vocabulary),
            "reads": list(self.reads),
            "hidden": self.hidden,
            "layers": len(self.rounds),
            "directions": dict(self.directions),
            "dropout": self.dropout,
            "prior": self.prior,
            "seed": self.seed,
            "encoders": {name: described(e) for name, e in zip(self.encodes, self.encoders, strict=True)},
        }

    def start(self, graph: GraphInput) -> Tensor:
        """(N, D) the nodes' vectors before any message."""
        shared = len(self.vocabulary)
        rows = [self._rows.get(name, shared) for name in graph.nodes]
        x = self.embedding[torch.tensor(rows, dtype=torch.long, device=self.embedding.device)]
        for name, encoder, entry in zip(self.encodes, self.encoders, self.entries, strict=True):
            if name in graph.features:
                nodes, given = graph.features[name]
                given = given.to(x) if given.is_floating_point() else given.to(x.device)
                x = x.index_add(0, nodes.to(x.device), entry(encoder.embed(given)))  # type: ignore[operator]
        return x

    def edges(self, graph: GraphInput) -> tuple[Tensor, Tensor, Tensor]:
        """(2, E') places, (E',) channels and (E',) weights of the messages: each edge once for each way it is run."""
        device = self.embedding.device
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        for reverse in (False, True):
            table = [self._channels.get((r, reverse), -1) for r in graph.relations] or [-1]
            channel = torch.tensor(table, device=device)[graph.edge_type]
            heard = (channel >= 0).nonzero().squeeze(1)
            index = graph.edge_index[:, heard]
            parts.append((index.flip(0) if reverse else index, channel[heard], graph.edge_weight[heard]))
        (one, c1, w1), (two, c2, w2) = parts
        return torch.cat([one, two], dim=1), torch.cat([c1, c2]), torch.cat([w1, w2])

    def forward(self, graph: GraphInput, nodes: Tensor) -> Tensor:
        """Logits (n, 1) of the nodes with the numbers (n,) long, after all rounds over the whole graph."""
        index, channel, weight = self.edges(graph)
        weight = weight.to(self.embedding.dtype)
        x = self.start(graph)
        for layer in self.rounds:
            x = nn.functional.dropout(torch.relu(layer(x, index, channel, weight)), self.dropout, self.training)
        return self.out(x[nodes])


# ------------------------------------------------------------------------------------------- masks as PyG takes them

Masked = Callable[[Tensor, Tensor], Tensor]
TINIEST = 1e-12  # PyG takes logarithms of predictions: a probability of 0 would make its figures NaN


class _MaskedModel(MessagePassing):
    """A function of masks, called as PyG's explainers call a model: they set `_edge_mask` on message passing layers."""

    def __init__(self, function: Masked) -> None:
        super().__init__()
        self._function = function

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """(1, K) probabilities, given (N, 1) presence of the nodes."""
        mask = self._edge_mask if self.explain else None
        found = self._function(x[:, 0], x.new_ones(edge_index.shape[1]) if mask is None else mask)
        return found.double().clamp(TINIEST, 1 - TINIEST)


class _Found(ExplainerAlgorithm):
    """Masks that were found elsewhere."""

    def __init__(self, node_mask: Tensor, edge_mask: Tensor) -> None:
        super().__init__()
        self._masks = {"node_mask": node_mask, "edge_mask": edge_mask}

    def forward(self, *args: Any, **kwargs: Any) -> Explanation:
        """The masks, whatever they are asked for."""
        return Explanation(**self._masks)

    def supports(self) -> bool:
        """They need no settings."""
        return True


def masked_explanation(
    function: Masked, edge_index: Tensor, node_mask: Tensor, edge_mask: Tensor, prediction: Tensor, **about: Any
) -> tuple[Explainer, Explanation]:
    """Masks over a graph with PyG's figures of how well they explain a prediction.

    Args:
        function: (N,) presence of the nodes and (E,) masks of the edges → (1, K) probabilities of what is predicted.
        edge_index: (2, E); node_mask: (N,); edge_mask: (E,), from 0 to 1.
        prediction: (1, K) of the model itself.
        about: further attributes of the explanation.

    Returns:
        An explainer, for PyG's other metrics, and the explanation with `fidelity_plus`, `fidelity_minus` (GraphFramEx:
        Amara et al., LoG 2022) and `unfaithfulness` (Agarwal et al., Scientific Data 2023), as PyG computes them.
    """
    explainer = Explainer(
        _MaskedModel(function),
        _Found(node_mask[:, None], edge_mask),
        explanation_type="model",
        model_config={"mode": "multiclass_classification", "task_level": "graph", "return_type": "probs"},
        node_mask_type="object",
        edge_mask_type="object",
    )
    prediction = prediction.detach().double().clamp(TINIEST, 1 - TINIEST)
    explanation = Explanation(
        x=torch.ones(len(node_mask), 1, dtype=torch.float64),
        edge_index=edge_index,
        node_mask=node_mask[:, None],
        edge_mask=edge_mask,
        prediction=prediction,
        target=prediction.argmax(dim=-1),
        **about,
    )
    explanation._model_config, explanation._model_args = explainer.model_config, []
    explanation.validate_masks()
    explanation.fidelity_plus, explanation.fidelity_minus = fidelity(explainer, explanation)
    explanation.unfaithfulness = unfaithfulness(explainer, explanation)
    return explainer, explanation
