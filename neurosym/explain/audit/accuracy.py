"""How often the concepts that networks see are the labelled ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurosym.explain.audit.labels import Asked
from neurosym.explain.audit.model import ConceptAccuracy

SHOWN = 5  # confusions


@dataclass
class _Count:
    labelled: int = 0
    right: int = 0
    probability: float = 0.0
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)


def accuracies(asked: Sequence[Asked]) -> tuple[ConceptAccuracy, ...]:
    """One row for each predicate with concept labels, the least accurate first."""
    counts: dict[tuple[str, str], _Count] = {}
    for one in asked:
        tags = one.answers.leaf_tags.detach().cpu().double().numpy()
        for concept, labels in one.concepts.items():
            said = np.broadcast_to(tags[:, list(concept.leaves)], (len(labels), len(concept.leaves)))
            if concept.binary:
                said = np.concatenate([1 - said, said], axis=1)
            count = counts.setdefault((concept.predicate[0], concept.network), _Count())
            rows = np.nonzero(labels >= 0)[0]
            # of yes or no, 0.5 is a yes, as everywhere
            best = said[:, 1] >= 0.5 if concept.binary else said.argmax(axis=1)
            count.labelled += len(rows)
            count.right += int((best[rows] == labels[rows]).sum())
            count.probability += float(said[rows, labels[rows]].sum())
            for row in rows[best[rows] != labels[rows]].tolist():
                count.confused[concept.values[int(labels[row])], concept.values[int(best[row])]] += 1
    found = [
        ConceptAccuracy(
            concept, network, c.labelled, c.right, c.probability / c.labelled,
            tuple((a, b, n) for (a, b), n in c.confused.most_common(SHOWN)),
        )
        for (concept, network), c in counts.items() if c.labelled
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda a: a.accuracy))
