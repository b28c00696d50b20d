"""Reasoning shortcuts: readings of the concepts that the labels cannot tell from the right one.

After Marconato et al., 'Not all neuro-symbolic concepts are created equal: analysis and mitigation of reasoning
shortcuts' (NeurIPS 2023), and the count of Bortolotti et al., 'A neuro-symbolic benchmark suite for concept quality and
reasoning shortcuts' (NeurIPS 2024): deterministic maps, one for each network, that keep every label as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosym.explain.audit.labels import Asked, Concept
from neurosym.explain.audit.maps import Found, Requirement, count_maps, requirement
from neurosym.explain.audit.model import ConceptValues, Shortcuts
from neurosym.explain.audit.tables import Group, Table, groups, table

Unit = tuple[str, tuple[str, ...]]  # what one map belongs to: a network and the values it can say
NEAR = 1e-9  # a label of less probability is not allowed


@dataclass
class _Examples:
    """Combinations of concept values that the data show, by the structure they belong to.

    Attributes:
        tables: structure → its group and table; `shown`: structure → (N,) which combinations are shown.
        groups: graph and answers → their groups.
    """

    tables: dict[object, tuple[Group, Table]] = field(default_factory=dict)
    shown: dict[object, NDArray[np.bool_]] = field(default_factory=dict)
    groups: dict[object, list[Group]] = field(default_factory=dict)
    skipped: int = 0
    contradicted: int = 0
    from_labels: bool = True


def shortcuts(
    asked: Sequence[Asked], *, max_combinations: int, max_nodes: int, seconds: float
) -> Shortcuts | None:  # fmt: skip
    """Count the readings that fit; None where no labelled answer rests on a network.

    Args:
        max_combinations: of concept values behind one group of answers; groups with more are skipped.
        max_nodes, seconds: at which the search for maps stops.
    """
    examples = _Examples()
    for one in asked:
        _collect(one, examples, max_combinations)
    if not examples.shown and not examples.skipped:
        return None
    concepts = {_unit(c): c for group, _ in examples.tables.values() for c in group.concepts}
    variables: dict[tuple[Unit, int], int] = {}
    requirements: list[Requirement] = []
    for key, shown in examples.shown.items():
        group, truth = examples.tables[key]
        for number in np.nonzero(shown)[0].tolist():
            values = np.unravel_index(number, group.shape)
            scope = [
                variables.setdefault((_unit(c), int(v)), len(variables))
                for c, v in zip(group.concepts, values, strict=True)
            ]
            least = requirement(scope, (truth.kind == truth.kind[number]).reshape(group.shape))
            if least is not None:
                requirements.append(least)
    names = list(variables)
    sizes = [len(concepts[unit].values) for unit, _ in names]
    found = count_maps(sizes, [v for _, v in names], requirements, max_nodes=max_nodes, seconds=seconds)
    return Shortcuts(
        found.count, found.complete and not examples.skipped,
        tuple(_values(unit, concept, names, found) for unit, concept in concepts.items()),
        _example(names, concepts, found), sum(int(s.sum()) for s in examples.shown.values()), examples.from_labels,
        examples.skipped, not found.complete, examples.contradicted,
    )  # fmt: skip


def _unit(concept: Concept) -> Unit:
    return (concept.network, concept.values)


def _collect(asked: Asked, examples: _Examples, max_combinations: int) -> None:
    """The combinations that one batch shows."""
    labelled = np.nonzero(~np.isnan(asked.labels).all(axis=0))[0].tolist()
    columns = labelled or list(range(asked.labels.shape[1]))  # without any label, all that can be concluded counts
    same = (id(asked.graph), tuple(columns))  # batches of samples ask the same of the same graph
    if same not in examples.groups:
        examples.groups[same] = list(groups(asked, columns))
    for group in examples.groups[same]:
        if group.combinations > max_combinations:
            examples.skipped += len(group.columns)
            continue
        if group.key not in examples.tables:
            examples.tables[group.key] = (group, table(asked, group))
            examples.shown[group.key] = np.zeros(group.combinations, bool)
        truth = examples.tables[group.key][1]
        values = np.stack([i.reshape(-1) for i in np.indices(group.shape)], 1)
        known = np.stack([asked.concepts.get(c, np.full(len(asked.labels), -1)) for c in group.concepts], 1)  # (B, m)
        rows = np.concatenate([np.nan_to_num(asked.labels[:, list(group.columns)], nan=-1.0), known], 1)
        for row in np.unique(rows, axis=0):
            labels, seen = row[: len(group.columns)], row[len(group.columns) :]
            allowed = _allowed(truth, labels)
            shown = allowed & ((values == seen) | (seen < 0)).all(axis=1)
            examples.from_labels &= bool((seen >= 0).all())
            if not shown.any():
                examples.contradicted += int((rows == row).all(axis=1).sum())
            examples.shown[group.key] |= shown


def _allowed(truth: Table, labels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) combinations under which the labels have some probability."""
    likely = np.where(labels == 1, truth.tags, np.where(labels == 0, 1 - truth.tags, 1.0))
    return np.asarray((likely > NEAR).all(axis=1))


def _values(unit: Unit, concept: Concept, names: list[tuple[Unit, int]], found: Found) -> ConceptValues:
    """What is identified of one concept."""
    mine = {v: k for k, (u, v) in enumerate(names) if u == unit}
    seen = sorted(mine)
    fixed = () if not found.complete else tuple(concept.values[v] for v in seen if mine[v] not in found.moved)
    confusable = tuple(
        (concept.values[v], tuple(concept.values[i] for i in found.moved[mine[v]] if i != v))
        for v in seen if mine[v] in found.moved
    )  # fmt: skip
    return ConceptValues(
        concept.predicate[0], concept.network, concept.values, tuple(concept.values[v] for v in seen), fixed, confusable
    )  # fmt: skip


def _example(
    names: list[tuple[Unit, int]], concepts: dict[Unit, Concept], found: Found
) -> tuple[tuple[str, str, str], ...]:
    """One reading that is not the right one: what it changes."""
    if found.example is None:
        return ()
    changed = []
    for k, image in found.example.items():
        unit, value = names[k]
        concept = concepts[unit]
        if image != value:
            changed.append((concept.network, concept.values[value], concept.values[image]))
    return tuple(sorted(changed))
