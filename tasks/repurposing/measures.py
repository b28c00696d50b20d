"""Ranks of compound treats disease, by three protocols.

`all entities`: compound → disease and disease → compound, against every entity of the graph: the protocol of link
prediction. `of the kind`: the same, against all diseases or all compounds. `PoLo's`: compound → disease alone, against
every entity, as Liu et al. (ESWC 2021) measure. All are filtered by train, dev and test; ties share their mean rank.
"""

from __future__ import annotations

import numpy as np

from neurosym.links.evaluation import Floats, KnownAnswers, Ranks, Scorer, evaluate
from neurosym.links.graph import Long
from tasks.repurposing.data import Hetionet

PROTOCOLS = ("all entities", "of the kind", "PoLo's")


def measure(ask: Scorer, data: Hetionet, triples: Long, batch: int = 32) -> dict[str, Ranks]:
    """Ranks of some pairs, by the name of the protocol; each query is scored once."""
    graph, split = data.split.graph, data.split
    known = KnownAnswers([graph.triples, split.valid, split.test], len(graph.relations))
    kept: list[Floats] = []

    def asked(queries: Long) -> Floats:
        kept.append(np.array(ask(queries), np.float64))
        return kept[-1]

    everything = evaluate(asked, triples, known, batch)
    scores = iter(kept)
    masks = {forward: data.of_kind("Disease" if forward else "Compound") for forward in (True, False)}

    def of_the_kind(queries: Long) -> Floats:
        allowed = np.stack([masks[bool(r < len(graph.relations))] for r in queries[:, 1]])
        return np.where(allowed, next(scores), -np.inf)

    kind = evaluate(of_the_kind, triples, known, batch)
    forward = everything.queries[:, 1] < len(graph.relations)
    tails = Ranks(*(getattr(everything, n)[forward] for n in ("mean", "best", "worst", "queries")))
    return dict(zip(PROTOCOLS, (everything, kind, tails), strict=True))
