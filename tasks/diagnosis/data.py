"""The data of the diagnosis task: Wisconsin Diagnostic Breast Cancer, as scikit-learn ships it, and its folds.

569 fine needle aspirates, each with ten nucleus features as mean, standard error and worst value, and a diagnosis
(Street, Wolberg and Mangasarian 1993).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import Tensor

from neurosym.neural.features import FeatureTable

ONC = "http://neurosym.example/oncology#"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@dataclass(frozen=True, eq=False)
class Ward:
    """All patients of the task.

    Attributes:
        table: (N, 30) the measurements; ids are `onc:patient-001` … in the order of scikit-learn's rows.
        malignant: (N,) bool, the diagnosis.
    """

    table: FeatureTable
    malignant: Tensor

    @property
    def patients(self) -> tuple[str, ...]:
        """The patients as the rule language spells them."""
        return tuple(self.table.ids)

    def triples(self, patients: Sequence[str] | None = None) -> list[tuple[str, str, str]]:
        """`P rdf:type onc:Patient` for the given patients (all, if none are given), with full IRIs."""
        return [(iri(p), RDF_TYPE, f"{ONC}Patient") for p in (self.patients if patients is None else patients)]

    def targets(self, numbers: Tensor) -> dict[str, bool]:
        """Labelled atoms `malignant(onc:patient-…)` for the patients with these numbers (n,)."""
        return {f"malignant({self.table.ids[i]})": bool(self.malignant[i]) for i in numbers.tolist()}


@dataclass(frozen=True, eq=False)
class Fold:
    """One split, as numbers of patients: `train` fits, `valid` chooses when to stop, `test` is looked at once."""

    number: int
    train: Tensor
    valid: Tensor
    test: Tensor


def iri(patient: str) -> str:
    """The full IRI of `onc:…`."""
    return patient.replace("onc:", ONC, 1)


def load_ward() -> Ward:
    """The 569 patients. scikit-learn's target 0 is malignant."""
    data: Any = load_breast_cancer()
    rows = torch.tensor(data.data, dtype=torch.get_default_dtype())
    ids = [f"onc:patient-{i + 1:03d}" for i in range(len(rows))]
    return Ward(FeatureTable(ids, rows, [str(n) for n in data.feature_names]), torch.tensor(data.target == 0))


def folds(ward: Ward, count: int = 5, seed: int = 0, valid: float = 0.15) -> Iterator[Fold]:
    """Seeded stratified folds; the validation part is a stratified share `valid` of each fold's training part."""
    labels = ward.malignant.numpy()
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    for number, (rest, test) in enumerate(splitter.split(np.zeros(len(labels)), labels)):
        train, held = train_test_split(rest, test_size=valid, stratify=labels[rest], random_state=seed + number)
        yield Fold(number, *(torch.as_tensor(np.sort(part)) for part in (train, held, test)))
