"""A graph of many triples in a process of its own: read, mined, asked by rules and by paths, and its peak of memory.

    python -m benchmarks.links.large '{"triples": 10000000, "seconds": 60, "work": "out/bench-links"}'

Entities have few edges or very many, as in public graphs: the k-th is drawn with a weight of 1 / (k + 1000).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common.process import peak_memory
from neurosym.links.fit import scorer
from neurosym.links.graph import TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.reading import Numbering, distinct, read_tsv
from neurosym.links.rules import mine
from neurosym.links.rules.part import RuleScores

RELATIONS, ASKED, CHUNK = 100, 10, 500_000


def written(path: Path, triples: int, seed: int = 0) -> Path:
    """A tab-separated file of random triples over a tenth as many entities; made once."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    random, entities = np.random.default_rng(seed), triples // 10
    shares = 1 / (np.arange(entities) + 1000.0)
    ends = np.cumsum(shares / shares.sum())
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="ascii") as stream:
        for begin in range(0, triples, CHUNK):
            size = min(CHUNK, triples - begin)
            heads, tails = np.searchsorted(ends, random.random((2, size)))
            relations = random.integers(0, RELATIONS, size)
            stream.writelines(
                f"http://example.org/e{h}\thttp://example.org/r{r}\thttp://example.org/e{t}\n"
                for h, r, t in zip(heads.tolist(), relations.tolist(), tails.tolist(), strict=True)
            )
    unfinished.replace(path)
    return path


def work(job: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds of each step, and the peak of memory in bytes."""
    torch.set_num_threads(1)
    path = written(Path(job["work"]) / f"random-{job['triples']}.tsv", job["triples"])
    seconds: dict[str, float] = {}
    begun = time.process_time()

    def done(step: str) -> None:
        nonlocal begun
        seconds[step], begun = time.process_time() - begun, time.process_time()

    entities, relations = Numbering(), Numbering()
    triples = distinct(read_tsv(path, entities, relations))
    graph = TripleGraph(entities.names, relations.names, triples)
    done("read")
    rules = mine(graph, seconds=job["seconds"])
    done("mine")
    adjacency = Adjacency.of(graph)
    asked = triples[:: len(triples) // ASKED][:ASKED, :2]
    scorer(LinkModel(rules=RuleScores(rules)), adjacency)(asked)
    done("ask the rules")
    # two rounds from some heads, a few at a time: with many hubs, what three reach is the whole graph
    network = scorer(LinkModel(PathNetwork(len(graph.relations), rounds=2)), adjacency)
    for row in asked:
        network(row[None])
    done("ask the paths")
    return {"triples": len(triples), "rules": len(rules), "seconds": seconds, "peak": peak_memory()}


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
