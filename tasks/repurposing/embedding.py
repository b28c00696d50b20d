"""ComplEx (Trouillon et al., ICML 2016) by PyKEEN on the same graph, to compare with; asked by the same evaluator."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neurosym.links.evaluation import Floats, Scorer
from neurosym.links.graph import Long
from neurosym.links.reading import to_pykeen
from tasks.repurposing.data import Hetionet


@dataclass(frozen=True)
class Embedding:
    """How ComplEx is trained; the defaults are the best on dev of five settings, for some CPU minutes, not of a search.

    Attributes:
        dimension: of the complex vectors; epochs: over all triples of the graph, of which the best on dev is kept.
        every: epochs between looks at dev; lr, decay: of Adam, decoupled; batch, negatives: triples, and corrupted ones
            for each.
    """

    dimension: int = 128
    epochs: int = 20
    every: int = 4
    lr: float = 0.01
    batch: int = 4096
    negatives: int = 8
    decay: float = 1.0


def complex_scorer(
    data: Hetionet, setting: Embedding, seed: int, judge: Callable[[Scorer], float],
    told: Callable[[int, float], None] | None = None,
) -> tuple[Scorer, float, float]:  # fmt: skip
    """Train ComplEx on all triples of the graph.

    Args:
        judge: its MRR on dev; the weights of the best epoch are kept.
        told: called after each look with the epochs so far and that MRR.

    Returns:
        The scorer, its MRR on dev, and CPU seconds.

    Raises:
        ModuleNotFoundError: pykeen is not installed.
    """
    from pykeen.losses import CrossEntropyLoss  # pyright: ignore[reportMissingImports]
    from pykeen.models import ComplEx  # pyright: ignore[reportMissingImports]
    from pykeen.training import SLCWATrainingLoop  # pyright: ignore[reportMissingImports]

    begun, graph = time.process_time(), data.split.graph
    factory = to_pykeen(graph)
    # PyKEEN starts from vectors of length √D, from which next to nothing is learned in this many epochs, and its
    # default penalty takes most of the time
    model = ComplEx(
        triples_factory=factory, embedding_dim=setting.dimension, random_seed=seed, loss=CrossEntropyLoss(),
        entity_initializer=torch.nn.init.xavier_normal_, relation_initializer=torch.nn.init.xavier_normal_,
        regularizer="no", regularizer_kwargs={"weight": 0.0},
    )  # fmt: skip
    loop = SLCWATrainingLoop(
        model=model, triples_factory=factory,
        optimizer=torch.optim.Adam(
            model.parameters(), lr=setting.lr, weight_decay=setting.decay, decoupled_weight_decay=True
        ),
        negative_sampler="basic", negative_sampler_kwargs={"num_negs_per_pos": setting.negatives},
    )  # fmt: skip
    ask = _scorer(model, len(graph.relations))
    best, kept = -1.0, {k: v.clone() for k, v in model.state_dict().items()}
    for epochs in range(setting.every, setting.epochs + 1, setting.every):
        loop.train(
            triples_factory=factory, num_epochs=epochs, batch_size=setting.batch, use_tqdm=False,
            use_tqdm_batch=False, continue_training=epochs > setting.every,
        )  # fmt: skip
        score = judge(ask)
        if told is not None:
            told(epochs, score)
        if score > best:
            best, kept = score, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(kept)
    return ask, best, time.process_time() - begun


def _scorer(model: Any, num_relations: int) -> Scorer:
    """A PyKEEN model as the evaluator asks it: inverse queries are asked as heads."""

    def ask(queries: Long) -> Floats:
        found = np.empty((len(queries), model.num_entities))
        backwards = queries[:, 1] >= num_relations
        tails, heads = torch.from_numpy(queries[~backwards]), queries[backwards]
        pairs = torch.from_numpy(np.column_stack([heads[:, 1] - num_relations, heads[:, 0]]))
        model.eval()
        with torch.no_grad():
            if len(tails):
                found[~backwards] = model.score_t(tails).double().numpy()
            if len(pairs):
                found[backwards] = model.score_h(pairs).double().numpy()
        return found

    return ask
