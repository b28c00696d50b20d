# pyright: reportMissingImports=false
"""Some pairs by DeepProbLog, exact, with its cache: seconds for each pair.

python -m benchmarks.perception.theirs.deepproblog_pairs '{"pairs": "pairs.npz", "count": 2000, "batch": 2, "seed": 0}'
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from deepproblog.dataset import DataLoader, Dataset
from deepproblog.engines import ExactEngine
from deepproblog.model import Model
from deepproblog.network import Network
from deepproblog.query import Query
from deepproblog.train import TrainObject
from problog.logic import Constant, Term

from benchmarks.perception.theirs.network import network, read

PROGRAM = """
nn(digit_net, [X], Y, [0,1,2,3,4,5,6,7,8,9]) :: digit(X, Y).
addition(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B.
"""


class Images:
    """The images of all pairs: those of pair k are 2k and 2k + 1."""

    def __init__(self, left: torch.Tensor, right: torch.Tensor) -> None:
        self.images = torch.stack([left, right], 1).flatten(0, 1)

    def __getitem__(self, place: Any) -> torch.Tensor:
        return self.images[int(place[0])]


class Pairs(Dataset):
    """One query for each pair; its images are substituted, so that one circuit serves all pairs of a sum."""

    def __init__(self, sums: torch.Tensor, begin: int, end: int) -> None:
        self.sums, self.begin, self.end = sums, begin, end

    def __len__(self) -> int:
        return self.end - self.begin

    def to_query(self, i: int) -> Query:
        row = self.begin + i
        images = {Term(slot): Term("tensor", Term("train", Constant(2 * row + k))) for k, slot in enumerate("ab")}
        return Query(Term("addition", Term("a"), Term("b"), Constant(int(self.sums[row]))), images)


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Train on some pairs; the first ones, in which the circuits of the sums are made, are timed by themselves."""
    torch.set_num_threads(1)
    data = read(job["pairs"])
    net = network(job["seed"])
    wrapped = Network(torch.nn.Sequential(net, torch.nn.Softmax(1)), "digit_net", batching=True)
    wrapped.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "addition.pl"
        program.write_text(PROGRAM, "utf-8")
        model = Model(str(program), [wrapped])
    model.set_engine(ExactEngine(model), cache=True)
    model.add_tensor_source("train", Images(data["left"], data["right"]))
    first = min(500, job["count"] // 2)
    times = []
    for begin, end in ((0, first), (first, job["count"])):
        wall, cpu = time.perf_counter(), time.process_time()
        loader = DataLoader(Pairs(data["sums"], begin, end), job["batch"], False)
        TrainObject(model).train(loader, 1, verbose=0)
        times.append([time.perf_counter() - wall, time.process_time() - cpu])
    later = job["count"] - first
    pairs = len(data["sums"])
    wall, cpu = (times[0][k] + times[1][k] / later * (pairs - first) for k in (0, 1))
    return {
        "pairs": job["count"], "batch": job["batch"], "first": times[0], "later": times[1],
        "epoch_wall": wall, "epoch_cpu": cpu,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
