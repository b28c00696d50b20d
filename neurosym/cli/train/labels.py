"""Labels of training, validation and test, and how right a model is about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.cli.session import Session
from neurosym.cli.train.file import Labels
from neurosym.cli.truth import free, names_of, read_truth, spellings, with_labelled
from neurosym.errors import DataError
from neurosym.lang import Value
from neurosym.lang.ast import Atom
from neurosym.reasoner import Reasoner

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Figures:
    """How right a model is about the labels of one part.

    Attributes:
        count: labels; accuracy: at 0.5; log_loss: mean, natural logarithm; auc: None where all labels are the same.
    """

    count: int
    accuracy: float
    log_loss: float
    auc: float | None

    @classmethod
    def of(cls, said: Tensor, labels: Tensor) -> Figures:
        """From (n,) probabilities and (n,) labels, both float64."""
        right = ((said >= 0.5) == (labels > 0.5)).double().mean()
        likely = (said * labels + (1 - said) * (1 - labels)).clamp(min=1e-12)
        return cls(len(said), float(right), float(-likely.log().mean()), _auc(said, labels))


def _auc(said: Tensor, labels: Tensor) -> float | None:
    """How often a true atom is said to be more likely than a false one; a tie counts half (Mann and Whitney)."""
    _, place, count = said.unique(return_inverse=True, return_counts=True)
    rank = (count.cumsum(0) - (count - 1).double() / 2)[place]
    true = int(labels.sum())
    pairs = true * (len(labels) - true)
    return float((rank[labels > 0.5].sum() - true * (true + 1) / 2) / pairs) if pairs else None


Known = Mapping[str, Mapping[str, bool]]  # part → entity or atom → whether it holds


def read_labels(given: Labels, seed: int) -> Known:
    """What is known. A share that is put aside has as large a part of the true as of the false.

    Raises:
        FactError: a file is broken. DataError: NS732, there are no labels, or a share of them is none or all.
    """
    train, valid, test = (_truths(paths) for paths in (given.file, given.valid_files, given.test))
    if given.share:
        random, aside = np.random.default_rng(seed), set[str]()
        for holds in (True, False):
            names = [name for name, known in train.items() if known is holds]
            count = round(given.share * len(names))
            aside |= {names[k] for k in random.permutation(len(names))[:count].tolist()}
        if not 0 < len(aside) < len(train):
            raise DataError(
                f"a share of {given.share:g} of {len(train)} labels is {'none' if not aside else 'all of them'}",
                code="NS732", help="change `valid` in [labels]",
            )  # fmt: skip
        valid = {name: train.pop(name) for name in sorted(aside)}
    return {"train": train, "valid": valid, "test": test}


def _truths(paths: Sequence[str]) -> dict[str, bool]:
    """The labels of files together.

    Raises:
        DataError: NS732, a file has none, or they contradict each other.
    """
    found: dict[str, bool] = {}
    for path in paths:
        truths = read_truth(path)
        if not truths:
            raise DataError(f"{path} has no labels", code="NS732", help="below the header, lines such as: p7,true")
        for name, holds in truths.items():
            if found.setdefault(name, holds) is not holds:
                raise DataError(
                    f"{path} calls `{name}` {str(holds).lower()}, and a file before it does not", code="NS732"
                )
    return found


def put_aside(known: Known, prefixes: Mapping[str, str]) -> Callable[[Value], bool]:
    """Whether an entity is one that labels of valid or test are about, and none of train."""
    learned, others = _mentioned(known["train"]), _mentioned(known["valid"]) | _mentioned(known["test"])

    def aside(value: Value) -> bool:
        names = set(spellings(value, prefixes))
        return bool(names & others) and not names & learned

    return aside


def _mentioned(known: Mapping[str, bool]) -> set[str]:
    """The entities, as labels spell them."""
    inside = [name.partition("(")[2].rpartition(")")[0] if "(" in name else name for name in known]
    return {entity for names in inside for entity in names.split(",")}


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is asked, and what is known of the answers.

    Attributes:
        queries: the labelled atoms that no rule derives among them; empty where the rules' own queries are enough.
        labels: (3, A) of the answers to them, for train, valid and test; NaN where there is none.
        learned: (2, A) those of train and valid, without true atoms that no rule derives: their probability is 0
            whatever is learned, and their loss infinite.
    """

    queries: tuple[str, ...]
    labels: Tensor
    learned: Tensor

    def figures(self, said: Tensor) -> dict[str, Figures]:
        """Part → how right (A,) probabilities are about its labels."""
        there = ~self.labels.isnan()
        parts = zip(PARTS, self.labels, there, strict=True)
        return {part: Figures.of(said[where].double(), row[where]) for part, row, where in parts if where.any()}


def label(session: Session, reasoner: Reasoner, given: Labels, known: Known) -> Labelled:
    """Find the answers that the labels are about.

    Raises:
        DataError: NS732, labels of a part name no answer, or none that can be learned; an entity where atoms are
            needed; two labels of one answer.
    """
    queries = list(given.query)
    with torch.no_grad():
        derived = answers = reasoner.query(*queries)
        every = {name: holds for part in PARTS for name, holds in known[part].items()}
        _check_entities(every, [] if answers.query is None else list(answers.query))
        asked = with_labelled(session, reasoner, queries, answers, every, " or ".join(given.files))
        if asked is not queries:
            answers = reasoner.query(*asked)
    atoms = answers.atoms
    labels = torch.full((len(PARTS), len(atoms)), torch.nan, dtype=torch.float64)
    for k, atom in enumerate(atoms):
        names = set(names_of(answers, k))
        for row, part in enumerate(PARTS):
            holds = {known[part][name] for name in names if name in known[part]}
            if len(holds) > 1:
                raise DataError(f"`{atom}` is labelled both true and false for {part}", code="NS732")
            labels[row, k] = float(holds.pop()) if holds else torch.nan
    there = set(derived.atoms)
    never = torch.tensor([a not in there for a in atoms], dtype=torch.bool)
    lost = never & (labels[:2] == 1)
    if lost.any():
        first = atoms[int(lost.any(0).nonzero()[0, 0])]
        session.tell(
            f"note: {int(lost.sum())} labels call true what no rule derives, such as {first}: not learned from"
        )
    learned = labels[:2].masked_fill(lost, torch.nan)
    _check(labels, learned, atoms, given)
    return Labelled(tuple(asked), labels, learned)


def _check_entities(every: Mapping[str, bool], asked: Sequence[Atom]) -> None:
    """An entity is a label only where it can mean one answer."""
    bare = next((name for name in every if "(" not in name), None)
    if bare is not None and (len(asked) != 1 or len(free(asked[0])) != 1):
        what = "there are several queries"
        if len(asked) == 1:
            what = f"there is a query of {len(free(asked[0]))} variables"
        raise DataError(
            f"a label names `{bare}`, and {what}", code="NS732",
            note="an entity is a label of one answer where one query has one variable",
            help='name atoms: "likes(ann, bob)",true; or give `query` in [labels]',
        )  # fmt: skip


def _check(labels: Tensor, learned: Tensor, atoms: Sequence[str], given: Labels) -> None:
    there = (~labels.isnan()).any(1).tolist()
    usable = [*(~learned.isnan()).any(1).tolist(), True]
    files = (given.file, given.valid_files or given.file, given.test)
    wanted = (True, bool(given.valid), bool(given.test))
    for part, paths, needed, some, of_use in zip(PARTS, files, wanted, there, usable, strict=True):
        if needed and not some:
            raise DataError(
                f"no label for {part} names an answer ({', '.join(paths)})", code="NS732",
                note=f"answers are such as {', '.join(atoms[:3])}" if atoms else "there is no answer",
                help="a line has an entity, or an atom as the rules spell it, then true or false",
            )  # fmt: skip
        if needed and not of_use:
            raise DataError(
                f"no label for {part} can be learned from ({', '.join(paths)})", code="NS732",
                note="they call true what no rule derives, whatever is learned", help="look at rules and facts",
            )  # fmt: skip
    twice = ((~labels.isnan()).sum(0) > 1).nonzero()[:, 0].tolist()
    if twice:
        parts = [part for part, row in zip(PARTS, ~labels.isnan(), strict=True) if row[twice[0]]]
        more = f", and {len(twice) - 1} more" if len(twice) > 1 else ""
        raise DataError(
            f"`{atoms[twice[0]]}` is labelled for {' and for '.join(parts)}{more}", code="NS732",
            help="what is learned from says nothing about what was learned: leave it in one of them",
        )  # fmt: skip


__all__ = ["PARTS", "Figures", "Known", "Labelled", "label", "put_aside", "read_labels"]
