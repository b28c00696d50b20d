"""Baselines of the diagnosis task, and the measures by which everything in it is compared.

    python -m tasks.diagnosis.baselines [--seed 0]

Baselines have no use for a validation part, so they are fitted on a fold's whole training part, validation included.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.diagnosis.data import Ward, folds, load_ward


@dataclass(frozen=True, slots=True)
class Measures:
    """Accuracy at 0.5, area under the ROC curve, expected calibration error; each between 0 and 1."""

    accuracy: float
    auc: float
    ece: float


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of (n,) probabilities of the positive class, in bins of equal width.

    The mean gap between predicted probability and observed frequency, weighted by the bins' sizes (Naeini et al.,
    AAAI 2015).
    """
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(probabilities[which == b].mean() - labels[which == b].mean()) * (which == b).mean()
        for b in range(bins)
        if (which == b).any()
    ]
    return float(sum(gaps))


def measure(probabilities: np.ndarray, labels: np.ndarray) -> Measures:
    """The measures of (n,) probabilities against (n,) labels."""
    labels = labels.astype(bool)
    accuracy = float(((probabilities >= 0.5) == labels).mean())
    return Measures(accuracy, float(roc_auc_score(labels, probabilities)), calibration_error(probabilities, labels))


def summary(measures: Sequence[Measures]) -> str:
    """Mean ± standard deviation over folds, as one line."""
    parts = []
    for name in ("accuracy", "auc", "ece"):
        values = np.array([getattr(m, name) for m in measures])
        parts.append(f"{name} {values.mean():.4f} ± {values.std():.4f}")
    return "  ".join(parts)


def models(seed: int) -> Mapping[str, Callable[[], object]]:
    """The baselines by name, with scikit-learn's default settings."""
    return {
        "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "gradient boosting": lambda: GradientBoostingClassifier(random_state=seed),
    }


def run_baselines(ward: Ward, seed: int = 0, count: int = 5) -> dict[str, list[Measures]]:
    """Measures of each baseline on each fold's test part."""
    rows, labels = ward.table.rows.double().numpy(), ward.malignant.numpy()
    results: dict[str, list[Measures]] = {}
    for name, make in models(seed).items():
        results[name] = []
        for fold in folds(ward, count, seed):
            known = np.concatenate([fold.train.numpy(), fold.valid.numpy()])
            test = fold.test.numpy()
            model = make()
            model.fit(rows[known], labels[known])  # type: ignore[attr-defined]
            probabilities = model.predict_proba(rows[test])[:, 1]  # type: ignore[attr-defined]
            results[name].append(measure(probabilities, labels[test]))
    return results


def main() -> None:
    """Print a line for each baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name, measures in run_baselines(load_ward(), arguments.seed).items():
        print(f"{name:20s} {summary(measures)}")


if __name__ == "__main__":
    main()
