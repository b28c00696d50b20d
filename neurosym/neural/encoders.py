"""Encoders of whole graphs of triples: R-GCN and CompGCN, from entities and relations with vectors of their own.

They know the entities that they were made for and no others, and take every edge as certain. `gnn.RelationalGNN` is the
network for uncertain edges and for entities that training has not seen.

Edges are rows (head, relation, tail) over places; each place holds an entity, and one entity may have several places:
so copies of a neighbourhood, each less an edge, are encoded at once. Messages run from head to tail; inverse edges are
rows of their own, with relations from R on, as `TripleGraph.edges` gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError
from neurosym.neural.gnn import MessagePassing, RGCNConv

Composition = Callable[[Tensor, Tensor], Tensor]


def subtract(entity: Tensor, relation: Tensor) -> Tensor:
    """(…, D) the entity less the relation, as TransE has it."""
    return entity - relation


def multiply(entity: Tensor, relation: Tensor) -> Tensor:
    """(…, D) products, as DistMult has them."""
    return entity * relation


def correlate(entity: Tensor, relation: Tensor) -> Tensor:
    """(…, D) circular correlation, c_k = Σ_i entity_i · relation_(i + k mod D), as HolE has it."""
    spectrum = torch.fft.rfft(entity).conj() * torch.fft.rfft(relation)
    return torch.fft.irfft(spectrum, n=entity.shape[-1])


COMPOSITIONS: dict[str, Composition] = {"sub": subtract, "mult": multiply, "corr": correlate}


class RGCNEncoder(nn.Module):
    """R-GCN (Schlichtkrull et al., ESWC 2018): PyG's convolution, over embeddings of the entities.

    Messages of each relation are averaged, each with a matrix of its own, or a mixture of `bases` shared ones.

    Args:
        num_entities: N.
        num_relations: R, without the inverses.
        out: width of the result.
        hidden: width D of embeddings and of the layers between.
        layers: rounds of messages, so how far it sees.
        bases: shared matrices; none for a matrix of its own for each relation.
        dropout: share of units that are left out before each layer in training.
        seed: of the initial weights, which then do not depend on torch's global state.
    """

    def __init__(
        self, num_entities: int, num_relations: int, out: int, hidden: int = 16, layers: int = 2,
        bases: int | None = None, dropout: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_entities, self.num_relations, self.dropout = num_entities, num_relations, float(dropout)
        self._config = {"out": out, "hidden": hidden, "layers": layers, "bases": bases, "dropout": self.dropout}
        widths = _widths(layers, hidden, out)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Parameter(torch.randn(num_entities, hidden))
            self.rounds = nn.ModuleList(
                RGCNConv(a, b, 2 * num_relations, num_bases=bases) for a, b in widths
            )  # fmt: skip

    def config(self) -> dict[str, Any]:
        """What the constructor takes besides the seed: with it and the state, the same encoder again."""
        return {"num_entities": self.num_entities, "num_relations": self.num_relations, **self._config}

    @property
    def hops(self) -> int:
        """How many edges away an edge may be that it hears of."""
        return len(self.rounds)

    def forward(self, edges: Tensor, entities: Tensor) -> Tensor:
        """(n, out) of n places, from (E, 3) edges over them and the (n,) entities that they hold."""
        x = self.embedding[entities]
        for i, layer in enumerate(self.rounds):
            x = nn.functional.dropout(x, self.dropout, self.training)
            x = layer(x, edges[:, [0, 2]].T, edges[:, 1])
            x = torch.relu(x) if i + 1 < len(self.rounds) else x
        return x


class CompGCNLayer(MessagePassing):
    """One round of CompGCN (Vashishth et al., ICLR 2020): relations have vectors, and messages are compositions.

    x'_v = (Σ_d W_d Σ_{u –r→ v in d} φ(x_u, z_r) / √(deg_d(u) · deg_d(v)) + W_loop φ(x_v, z_loop)) / 3, and z'_r = W_z
    z_r, for the directions d: edges as they stand, and their inverses. deg_d(v) counts the edges that lead to v in d,
    deg_d(u) those that lead to u; a vertex that none leads to counts as 1, where the authors' code drops its messages.

    Args:
        before, after: widths.
        num_relations: R, without the inverses.
        compose: φ.
    """

    def __init__(self, before: int, after: int, num_relations: int, compose: Composition) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.num_relations, self.compose = num_relations, compose
        self.ways = nn.ModuleList(nn.Linear(before, after, bias=False) for _ in range(2))
        self.loop = nn.Linear(before, after)
        self.relation = nn.Linear(before, after, bias=False)
        self.loop_relation = nn.Parameter(torch.empty(1, before))
        nn.init.xavier_normal_(self.loop_relation)

    def forward(self, x: Tensor, z: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """(n, D) places, (2R, D) relations, (E, 3) edges → (n, D') places, (2R, D') relations."""
        total = self.loop(self.compose(x, self.loop_relation))
        inverse = edges[:, 1] >= self.num_relations
        for way, chosen in zip(self.ways, (~inverse, inverse), strict=True):
            head, kind, tail = edges[chosen].unbind(1)
            degree = torch.bincount(tail, minlength=len(x)).clamp(min=1).to(x.dtype)
            norm = (degree[head] * degree[tail]).rsqrt()
            sums = self.propagate(torch.stack([head, tail]), x=x, z=z[kind], norm=norm, size=(len(x), len(x)))
            total = total + way(sums)
        return total / 3, self.relation(z)

    def message(self, x_j: Tensor, z: Tensor, norm: Tensor) -> Tensor:
        """(E, D) what runs along the edges."""
        return norm.unsqueeze(1) * self.compose(x_j, z)


class CompGCNEncoder(nn.Module):
    """CompGCN over embeddings of the entities and relations; the relations' vectors change from layer to layer.

    Args:
        num_entities, num_relations, out, hidden, layers, dropout, seed: as for `RGCNEncoder`.
        composition: `sub`, `mult` or `corr`.

    Raises:
        NetworkError: there is no such composition.
    """

    def __init__(
        self, num_entities: int, num_relations: int, out: int, hidden: int = 16, layers: int = 2,
        composition: str = "mult", dropout: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if composition not in COMPOSITIONS:
            raise NetworkError(
                f"there is no composition `{composition}`", note=f"there are {', '.join(COMPOSITIONS)}"
            )  # fmt: skip
        self.num_entities, self.num_relations, self.dropout = num_entities, num_relations, float(dropout)
        self._config = {
            "out": out, "hidden": hidden, "layers": layers, "composition": composition, "dropout": self.dropout,
        }  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Parameter(torch.randn(num_entities, hidden))
            self.relations = nn.Parameter(torch.randn(2 * num_relations, hidden))
            self.rounds = nn.ModuleList(
                CompGCNLayer(a, b, num_relations, COMPOSITIONS[composition]) for a, b in _widths(layers, hidden, out)
            )

    def config(self) -> dict[str, Any]:
        """What the constructor takes besides the seed: with it and the state, the same encoder again."""
        return {"num_entities": self.num_entities, "num_relations": self.num_relations, **self._config}

    @property
    def hops(self) -> int:
        """How many edges away an edge may be that it hears of: one more than layers, by the degrees of neighbours."""
        return len(self.rounds) + 1

    def forward(self, edges: Tensor, entities: Tensor) -> Tensor:
        """(n, out) of n places, from (E, 3) edges over them and the (n,) entities that they hold."""
        x, z = self.embedding[entities], self.relations
        for i, layer in enumerate(self.rounds):
            x = nn.functional.dropout(x, self.dropout, self.training)
            x, z = layer(x, z, edges)
            x = torch.tanh(x) if i + 1 < len(self.rounds) else x
        return x


def _widths(layers: int, hidden: int, out: int) -> list[tuple[int, int]]:
    """(before, after) of each layer."""
    if layers < 1:
        raise NetworkError(f"an encoder has at least one layer, not {layers}")
    return [(hidden, hidden)] * (layers - 1) + [(hidden, out)]


__all__ = ["COMPOSITIONS", "CompGCNEncoder", "CompGCNLayer", "RGCNEncoder", "correlate", "multiply", "subtract"]
