"""Stories of kinship with the walk from one person to another, and whom the last one is to the first.

A walk is what the columns `story_edges` and `genders` tell: which names follow each other. The sexes in `genders` are
not read. The relations along the walk, `edge_types`, are for the modes that are given them, and for judging.
"""

from __future__ import annotations

import ast
import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurosym.datasets import find

FOLDER = "data_089907f8"
TRAIN = "1.2,1.3_train.csv"
LENGTHS = range(2, 11)  # K of the test parts
NAME = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Naming:
    """What a passage calls its persons, by their sex: `male`, `female`, or empty where it is not known.

    Attributes:
        first, second: the two neighbours.
        others: third persons, one after the other; the last is for all that follow.
    """

    first: Mapping[str, str]
    second: Mapping[str, str]
    others: Mapping[str, tuple[str, ...]]


def _marks(word: str) -> dict[str, str]:
    return {"": word, "male": f"{word} <male>", "female": f"{word} <female>"}


FIRST, SECOND, OTHER = "<first>", "<second>", "<other>"
MARKS = Naming(_marks(FIRST), _marks(SECOND), {sex: (words,) for sex, words in _marks(OTHER).items()})
# For networks that have read real text: the same names in all passages, so that they say no more than the marks do.
NAMES = Naming(
    {"": "alex", "male": "john", "female": "mary"},
    {"": "jamie", "male": "david", "female": "susan"},
    {"": ("sam", "chris", "robin"), "male": ("peter", "mark", "paul"), "female": ("anna", "laura", "emma")},
)


@dataclass(frozen=True, slots=True)
class Story:
    """One row.

    Attributes:
        sentences: of the story; names stand in [brackets].
        people: K + 1 names along the walk, from the first person asked about to the second; a name may come again.
        relations: K, each what the next person is to the one before.
        label: what the last person is to the first.
    """

    sentences: tuple[str, ...]
    people: tuple[str, ...]
    relations: tuple[str, ...]
    label: str

    @property
    def length(self) -> int:
        """K, the number of steps."""
        return len(self.relations)

    @property
    def walk(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The relations, and where the walk comes back to a person: all that its composition can depend on."""
        return self.relations, tuple(self.people.index(name) for name in self.people)

    def passage(
        self, step: int, sexes: Mapping[str, str] | None = None, back: bool = False, naming: Naming = MARKS
    ) -> str:
        """What the story says of the two neighbours at a step: their names and all others are replaced.

        The sentences with both names; where there is none, the shortest stretch that has both.

        Args:
            sexes: name → `male` or `female`, as far as they are known.
            back: the second neighbour is called the first, and the first the second.
            naming: what takes the place of the names.
        """
        pair = self.people[step : step + 2]
        places = [[k for k, s in enumerate(self.sentences) if f"[{name}]" in s] for name in pair]
        both = sorted(set(places[0]) & set(places[1]))
        if not both and all(places):
            near = min(((i, j) for i in places[0] for j in places[1]), key=lambda ij: abs(ij[0] - ij[1]))
            both = list(range(min(near), max(near) + 1))
        known = sexes or {}
        called = {pair[back]: naming.first[known.get(pair[back], "")]}
        called[pair[not back]] = naming.second[known.get(pair[not back], "")]
        text = " ".join(self.sentences[k] for k in both)
        others: Counter[str] = Counter()
        for name in NAME.findall(text):
            if name not in called:
                sex = known.get(name, "")
                called[name] = naming.others[sex][min(others[sex], len(naming.others[sex]) - 1)]
                others[sex] += 1
        return NAME.sub(lambda name: called[name[1]], text)


@dataclass(frozen=True, slots=True)
class Clutrr:
    """The task's data.

    Attributes:
        train, valid: stories of two and three steps; no sentence is in both, names aside.
        test: K → stories of K steps.
    """

    train: tuple[Story, ...]
    valid: tuple[Story, ...]
    test: dict[int, tuple[Story, ...]]


def relation(name: str) -> str:
    """A relation's name as the rules spell it."""
    return name.replace("-", "_")


def sentences(story: str) -> tuple[str, ...]:
    """The sentences of a story; one without a name belongs to the sentence before it."""
    found: list[str] = []
    for part in re.split(r"(?<=[.!?])\s+", story.strip()):
        if found and not NAME.search(part):
            found[-1] += " " + part
        else:
            found.append(part)
    return tuple(found)


def story_of(row: dict[str, str]) -> Story:
    """A row of the CSV files."""
    names = [entry.rsplit(":", 1)[0] for entry in row["genders"].split(",")]
    edges = ast.literal_eval(row["story_edges"])
    people = tuple(names[k] for k in (edges[0][0], *(end for _, end in edges)))
    relations = tuple(relation(r) for r in ast.literal_eval(row["edge_types"]))
    return Story(sentences(row["story"]), people, relations, relation(row["target"]))


def load(seed: int = 0, held_out: float = 0.0) -> Clutrr:
    """The stories of the data folder.

    Args:
        seed: of the sentences that are held out.
        held_out: share of the distinct sentences of the training file, names aside: see `parted`.

    Raises:
        DataError: the data set is not there.
    """
    folder = find("clutrr", f"{FOLDER}/{TRAIN}", *(f"{FOLDER}/1.{k}_test.csv" for k in LENGTHS)) / FOLDER
    train, valid = parted(read(folder / TRAIN), seed, held_out)
    return Clutrr(train, valid, {k: read(folder / f"1.{k}_test.csv") for k in LENGTHS})


def read(path: Path) -> tuple[Story, ...]:
    """The stories of one file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(story_of(row) for row in csv.DictReader(lines))


def parted(stories: Sequence[Story], seed: int, held_out: float) -> tuple[tuple[Story, ...], tuple[Story, ...]]:
    """Training without some sentences and validation of nothing else, for in the test files all sentences are new.

    Stories that have sentences of both kinds are in neither part.
    """
    wordings = [{NAME.sub("[]", s) for s in story.sentences} for story in stories]
    distinct = sorted(set().union(*wordings))
    kept_back = set(random.Random(seed).sample(distinct, round(held_out * len(distinct))))
    train = tuple(s for s, seen in zip(stories, wordings, strict=True) if not kept_back & seen)
    return train, tuple(s for s, seen in zip(stories, wordings, strict=True) if seen <= kept_back)


def sexes_of(stories: Sequence[Story], of_relation: Mapping[str, str]) -> dict[str, str]:
    """Name → sex, as the labels tell: of the last person of each story, by majority.

    Args:
        of_relation: label → sex.
    """
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for story in stories:
        told[story.people[-1]][of_relation[story.label]] += 1
    return {name: found.most_common(1)[0][0] for name, found in told.items()}


def ceiling(stories: Sequence[Story]) -> float:
    """The best accuracy that any function of the walk and its relations can have on these stories.

    Stories are told apart by which relations follow each other and where a walk comes back to a person. Where such
    stories have different labels, a function is right about the most frequent one only.
    """
    labels: dict[object, Counter[str]] = defaultdict(Counter)
    for story in stories:
        labels[story.walk][story.label] += 1
    return sum(max(found.values()) for found in labels.values()) / len(stories)
