"""The graphs that link prediction is measured on, and how each is trained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from neurosym.datasets import find
from neurosym.links.fit import Recipe
from neurosym.links.graph import LinkSplit
from neurosym.links.learning import Together
from neurosym.links.reading import GraphCheck, read_split
from neurosym.links.rules import Mining
from neurosym.links.rules.learned import Weighing


@dataclass(frozen=True)
class Setting:
    """One graph, its split, and how it is trained.

    Attributes:
        data: name of the data set; folder: of the split in it; split: what it is called in the literature.
        train: files that belong to train; induced: folder of the graph that is asked about, where it is another one.
        seconds: of processor time for mining; mining, weighing, recipe, together: how rules and weights are learned.
        channels, rounds, members: of each network; messages: what else theirs is given.
        best: rules that count for each candidate.
    """

    data: str
    folder: str
    split: str
    train: tuple[str, ...] = ("train.txt",)
    induced: str = ""
    seconds: float = 60.0
    mining: Mining = field(default_factory=Mining)
    weighing: Weighing = field(default_factory=Weighing)
    recipe: Recipe = field(default_factory=Recipe)
    together: Together = field(default_factory=Together)
    channels: int = 32
    rounds: int = 4
    members: int = 1
    messages: dict[str, Any] = field(default_factory=dict)
    best: int = 20

    def read(self) -> tuple[LinkSplit, GraphCheck]:
        """The split, and what is odd about it."""
        parts = ("train.txt", "valid.txt", "test.txt")
        base = find(self.data, *(f"{self.folder}{p}" for p in parts))
        induced = base / self.induced if self.induced else None
        return read_split(base / self.folder if self.folder else base, self.split, self.train, induced)


UMLS = Setting("umls", "pykeen/", "UMLS (pykeen split)", rounds=3, recipe=Recipe(epochs=6))
SETTINGS = {
    "umls": UMLS,
    "kinships": replace(UMLS, data="kinships", split="Kinships (pykeen split)", best=40, recipe=Recipe(epochs=4)),
    "family": Setting(
        "family",
        "",
        "Family (drum split)",
        ("facts.txt", "train.txt"),
        rounds=3,
        recipe=Recipe(epochs=6, share=0.5),
        together=Together(share=0.5),
    ),
    "wn18rr": Setting(
        "wn18rr", "", "WN18RR", rounds=5, recipe=Recipe(epochs=6, share=0.1), together=Together(share=0.05)
    ),
    "fb15k-237": Setting(
        "fb15k-237",
        "",
        "FB15k-237",
        # On valid, paths of three relations gain .003 for ten times the time to mine and five times to apply, and
        # weights that are learned gain nothing: a rule with constants fires for few queries.
        mining=Mining(max_length=2),
        weighing=Weighing(epochs=0),
        rounds=2,
        recipe=Recipe(epochs=3, share=0.04, negatives=1000),
        # on valid, a third round ranked far better after as many queries
        messages={"rounds": 3, "aggregate": "sum+max"},
        together=Together(epochs=0),
    ),
    "wn18rr-v1-ind": Setting(
        "grail",
        "WN18RR_v1/",
        "WN18RR_v1_ind",
        induced="WN18RR_v1_ind",
        rounds=6,
        recipe=Recipe(epochs=16),
        messages={"aggregate": "sum+max", "dropout": 0.3},
    ),
    "fb237-v1-ind": Setting(
        "grail", "fb237_v1/", "fb237_v1_ind", induced="fb237_v1_ind", recipe=Recipe(epochs=12, edge_dropout=0.3)
    ),
}
