"""Addition by the engine against a loop written by hand for this one task: the same network, pairs and batches.

    python -m benchmarks.addition [--data digits|mnist|auto] [--epochs 3] [--batch 64]

Both take turns, epoch by epoch, in one process with one thread. CPU seconds are those of the process, so that other
work on the machine changes them little; the loop by hand is what a general engine can reach at best. "network alone"
is the same loop with the mean of the logits as its loss: what remains of the others is logic and bookkeeping.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.learning import batches
from tasks.addition.data import Pairs, load
from tasks.addition.run import QUERY, build
from tasks.common.digits import SOURCES


class ByHand:
    """P(a + b = z) by the convolution of two softmaxes, and its negative log-likelihood."""

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=lr)
        self.place = (torch.arange(10)[:, None] + torch.arange(10)[None]).reshape(
            -1
        )  # (100,) sum of each pair of digits

    def epoch(self, pairs: Pairs, batch: int, seed: int, logic: bool = True) -> None:
        """One pass in random order; without the logic, of the network alone."""
        order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
        self.network.train()
        for part in order.split(batch):
            self.optimizer.zero_grad()
            if logic:
                loss = self.loss(pairs.left[part], pairs.right[part], pairs.sums[part])
            else:
                loss = self.network(torch.cat([pairs.left[part], pairs.right[part]])).mean()
            if not bool(torch.isfinite(loss)):
                raise ArithmeticError("the loss is not finite")
            loss.backward()
            self.optimizer.step()

    def loss(self, left: Tensor, right: Tensor, sums: Tensor) -> Tensor:
        """(B, 1, S, S) twice and (B,) → the mean negative log-likelihood."""
        one, two = torch.softmax(self.network(torch.cat([left, right])), 1).chunk(2)
        joint = (one[:, :, None] * two[:, None]).flatten(1)  # (B, 100)
        tags = joint.new_zeros((len(sums), 19)).index_add(1, self.place, joint)
        return -torch.log(tags.gather(1, sums[:, None]).clamp_min(1e-30)).mean()


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", choices=SOURCES, default="auto")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load(options.data)
    reasoner = build(data.size, seed=0)
    hand = ByHand(copy.deepcopy(reasoner.networks["net"]), options.lr)
    optimizer = torch.optim.Adam(reasoner.parameters(), lr=options.lr)
    train = batches(QUERY, data.train.inputs, data.train.sums, options.batch)

    def engine(epoch: int) -> None:
        ns.fit(reasoner, train, epochs=1, optimizer=optimizer, seed=epoch, progress=False)

    # the same loss, before anything is timed
    first = train[0]
    with torch.no_grad():
        ours = float(reasoner.query(QUERY, inputs=first.inputs).nll(first.targets))
        theirs = float(hand.loss(first.inputs["a"], first.inputs["b"], data.train.sums[: options.batch]))
    assert abs(ours - theirs) < 1e-4, (ours, theirs)

    bare = ByHand(copy.deepcopy(reasoner.networks["net"]), options.lr)
    rows: dict[str, list[tuple[float, float]]] = {"engine": [], "by hand": [], "network alone": []}
    for epoch in range(options.epochs):
        rows["engine"].append(timed(lambda: engine(epoch)))  # noqa: B023
        rows["by hand"].append(timed(lambda: hand.epoch(data.train, options.batch, epoch)))  # noqa: B023
        rows["network alone"].append(timed(lambda: bare.epoch(data.train, options.batch, epoch, logic=False)))  # noqa: B023
    pairs = f"{len(data.train):,} pairs, batch {options.batch}"
    print(f"addition, {data.name}: {pairs}, one thread, {options.epochs} epochs each")
    median = {k: [statistics.median(v[i] for v in values) for i in (0, 1)] for k, values in rows.items()}
    for name, (wall, cpu) in median.items():
        print(f"{name:>14}: {wall:7.3f} s an epoch, {cpu:7.3f} s of CPU (medians)")
    ratios = [median["engine"][i] / median["by hand"][i] for i in (0, 1)]
    print(f"engine/by hand: {ratios[0]:7.2f} wall, {ratios[1]:.2f} CPU")


if __name__ == "__main__":
    main()
