"""Labels of training, validation and test, and how right a model is about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.cli.session import Session
from neurosym.cli.train.file import Labels
from neurosym.cli.truth import read_truth, truth_of, with_labelled
from neurosym.errors import DataError
from neurosym.reasoner import Answers, Reasoner

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
    rank = (count.cumsum(0) - (count - 1) / 2)[place]
    true = int(labels.sum())
    pairs = true * (len(labels) - true)
    return float((rank[labels > 0.5].sum() - true * (true + 1) / 2) / pairs) if pairs else None


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is asked, and what is known of the answers.

    Attributes:
        queries: the labelled atoms that no rule derives among them; empty where the rules' own queries are enough.
        answers: to them, before training.
        labels: (3, A) for train, valid and test, NaN where there is none.
        learned: (2, A) those of train and valid, without true atoms that no rule derives: their probability is 0
            whatever is learned, and their loss infinite.
    """

    queries: tuple[str, ...]
    answers: Answers
    labels: Tensor
    learned: Tensor

    def figures(self, said: Tensor) -> dict[str, Figures]:
        """Part → how right (A,) probabilities are about its labels."""
        there = ~self.labels.isnan()
        parts = zip(PARTS, self.labels, there, strict=True)
        return {part: Figures.of(said[where].double(), row[where]) for part, row, where in parts if where.any()}

    def aside(self) -> set[str]:
        """Names of the entities that only labels of valid and test are about."""
        known = ~self.labels.isnan()
        of_train = _entities(self.answers, known[0])
        return _entities(self.answers, known[1:].any(0)) - of_train


def _entities(answers: Answers, where: Tensor) -> set[str]:
    from neurosym.cli.data import plain_name

    return {plain_name(value) for k in where.nonzero()[:, 0].tolist() for value in answers.args[k]}


def read_labels(given: Labels, seed: int) -> dict[str, dict[str, bool]]:
    """Part → entity or atom → whether it holds. A share put aside has as large a part of the true as of the false."""
    train, test = _truths(given.file), _truths(given.test)
    if isinstance(given.valid, tuple):
        return {"train": train, "valid": _truths(given.valid), "test": test}
    random, aside = np.random.default_rng(seed), set[str]()
    for holds in (True, False):
        names = [name for name, known in train.items() if known is holds]
        count = round(given.valid * len(names))
        aside |= {names[k] for k in random.permutation(len(names))[:count].tolist()}
    valid = {name: train.pop(name) for name in sorted(aside)}
    return {"train": train, "valid": valid, "test": test}


def _truths(paths: Sequence[str]) -> dict[str, bool]:
    return {name: known for path in paths for name, known in read_truth(path).items()}


def label(
    session: Session, reasoner: Reasoner, given: Labels, known: Mapping[str, Mapping[str, bool]]
) -> Labelled:  # fmt: skip
    """Find the answers that the labels are about.

    Args:
        known: see `read_labels`.

    Raises:
        DataError: NS732, the labels of a part name no answer, or two parts label one.
    """
    queries = list(given.query)
    with torch.no_grad():
        derived = answers = reasoner.query(*queries)
        every = {name: holds for part in PARTS for name, holds in known[part].items()}
        valid = given.valid if isinstance(given.valid, tuple) else ()
        asked = with_labelled(session, reasoner, queries, answers, every, ", ".join((*given.file, *valid, *given.test)))
        if asked is not queries:
            answers = reasoner.query(*asked)
    atoms = answers.atoms
    truths = [[truth_of(known[part], answers, k) for k in range(len(atoms))] for part in PARTS]
    rows = [[torch.nan if t is None else float(t) for t in row] for row in truths]
    labels = torch.tensor(rows, dtype=torch.float64).reshape(len(PARTS), len(atoms))
    _check(labels, atoms, given)
    never = torch.tensor([a not in set(derived.atoms) for a in atoms], dtype=torch.bool)
    lost = never & (labels[:2] == 1)
    if lost.any():
        first = atoms[int(lost.any(0).nonzero()[0, 0])]
        session.tell(
            f"note: {int(lost.sum())} labels call true what no rule derives, such as {first}: not learned from"
        )
    return Labelled(tuple(asked), answers, labels, labels[:2].masked_fill(lost, torch.nan))


def _check(labels: Tensor, atoms: Sequence[str], given: Labels) -> None:
    there = ~labels.isnan()
    wanted = (True, bool(given.valid), bool(given.test))
    for part, found, needed in zip(PARTS, there.any(1).tolist(), wanted, strict=True):
        if needed and not found:
            raise DataError(
                f"no label for {part} names an answer", code="NS732",
                note=f"answers are such as {', '.join(atoms[:3])}" if atoms else "there is no answer",
                help="a line has an entity, or an atom as the rules spell it, then true or false",
            )  # fmt: skip
    twice = (there.sum(0) > 1).nonzero()[:, 0].tolist()
    if twice:
        parts = [part for part, row in zip(PARTS, there, strict=True) if row[twice[0]]]
        more = f", and {len(twice) - 1} more" if len(twice) > 1 else ""
        raise DataError(
            f"`{atoms[twice[0]]}` is labelled for {' and for '.join(parts)}{more}", code="NS732",
            help="what is learned from says nothing about what was learned: leave it in one of them",
        )  # fmt: skip


__all__ = ["PARTS", "Figures", "Labelled", "label", "read_labels"]
