"""Reasoning shortcuts of tasks from the literature, in tiny, against enumeration of all maps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest
import torch

import neurosym as ns
from neurosym.explain.audit import Audit, audit

Label = Callable[..., int]


class Says(torch.nn.Module):
    """A network that sees a number and says the value of this number."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return 9.0 * torch.nn.functional.one_hot(rows.reshape(-1).long(), self.values).float()


def fitting(values: int, label: Label, shown: Iterable[tuple[int, ...]]) -> list[dict[int, int]]:
    """All maps of the shown values, one network for all places, that keep every label: by enumeration."""
    shown = list(shown)
    seen = sorted({v for row in shown for v in row})
    maps = (dict(zip(seen, images, strict=True)) for images in itertools.product(range(values), repeat=len(seen)))
    return [m for m in maps if all(label(*(m[v] for v in row)) == label(*row) for row in shown)]


def audited(rules: str, query: str, values: int, label: Label, rows: list[tuple[int, ...]], known: bool) -> Audit:
    """The audit of one shared network over slots a, b, …"""
    slots = [chr(ord("a") + k) for k in range(len(rows[0]))]
    inputs = {s: torch.tensor([[float(r[k])] for r in rows]) for k, s in enumerate(slots)}
    reasoner = ns.Reasoner(ns.Program.from_text(rules), networks={"net": Says(values)})
    targets = [label(*row) for row in rows]
    concepts = {f"v({s}, X)": [r[k] for r in rows] for k, s in enumerate(slots)} if known else None
    return audit(reasoner, ns.Batch((query,), targets, inputs), concepts=concepts)


SUM = "neural v(x: Tensor, d: 0..{most}) by net .\nlabel(X, Y, Z) :- v(X, A), v(Y, B), Z is A + B."
XOR = "neural v(x: Tensor, d: 0..1) by net .\nlabel(X, Y, Z) :- v(X, A), v(Y, B), Z is (A + B) mod 2."
HALF = [(0, 0), (0, 1), (2, 3), (2, 4)]
EVEN_ODD = [(0, 6), (2, 8), (4, 6), (4, 8), (1, 5), (3, 7), (1, 9), (3, 9)]
TASKS = {
    "addition": (SUM.format(most=4), 5, lambda a, b: a + b, list(itertools.product(range(5), repeat=2))),
    "addition, even sums only": (
        SUM.format(most=4), 5, lambda a, b: a + b, [r for r in itertools.product(range(5), repeat=2) if not sum(r) % 2]
    ),
    "addition, no equal digits": (SUM.format(most=4), 5, lambda a, b: a + b, [(0, 1), (1, 2), (2, 3), (3, 4)]),
    "xor": (XOR, 2, lambda a, b: (a + b) % 2, list(itertools.product(range(2), repeat=2))),
    "mnist half": (SUM.format(most=4), 5, lambda a, b: a + b, HALF),
    "even-odd": (SUM.format(most=9), 10, lambda a, b: a + b, EVEN_ODD),
}  # fmt: skip
COUNTS = {"addition": 1, "addition, even sums only": 1, "xor": 2, "mnist half": 3}  # known, or worked out on paper


@pytest.mark.parametrize("name", TASKS)
def test_as_many_readings_as_by_enumeration(name: str) -> None:
    rules, values, label, rows = TASKS[name]
    found = audited(rules, "label(a, b, Z)", values, label, rows, known=True).shortcuts
    assert found is not None and found.exact and found.from_labels
    if name != "even-odd":
        all_maps = fitting(values, label, rows)
    else:  # ten to the ten are too many: every sum decides one digit by the other
        all_maps = [m for m in _chains() if all(label(m[a], m[b]) == label(a, b) for a, b in rows)]
    assert found.readings == len(all_maps) == COUNTS.get(name, len(all_maps))
    assert found.examples == len(set(rows))
    (concept,) = found.concepts
    seen = sorted({v for row in rows for v in row})
    assert concept.seen == tuple(map(str, seen))
    assert concept.identified == tuple(str(v) for v in seen if all(m[v] == v for m in all_maps))
    for value, images in concept.confusable:
        assert images == tuple(sorted({str(m[int(value)]) for m in all_maps} - {value}))
    example = {int(v): int(image) for _, v, image in found.example}
    assert not example if len(all_maps) == 1 else {v: example.get(v, v) for v in seen} in all_maps


def _chains() -> Iterable[dict[int, int]]:
    """Maps of the digits of `even-odd`: those of 0, 2, 1 and 3 are free, each sum gives another."""
    for zero, two, one, three in itertools.product(range(10), repeat=4):
        six, eight, five, seven, nine = 6 - zero, 10 - two, 6 - one, 10 - three, 10 - one
        four = 10 - six
        m = {0: zero, 1: one, 2: two, 3: three, 4: four, 5: five, 6: six, 7: seven, 8: eight, 9: nine}
        if all(0 <= v <= 9 for v in m.values()):
            yield m


def test_without_concept_labels_all_that_the_labels_allow_counts() -> None:
    rules, values, label, _ = TASKS["addition"]
    rows = [(0, 1), (1, 1), (3, 4)]  # sums 1, 2, 7
    found = audited(rules, "label(a, b, Z)", values, label, rows, known=False).shortcuts
    shown = [r for r in itertools.product(range(5), repeat=2) if sum(r) in (1, 2, 7)]
    assert found is not None and not found.from_labels and found.examples == len(shown)
    assert found.readings == len(fitting(values, label, shown))


def test_two_networks_are_read_independently() -> None:
    """Parity of two bits that two networks see: both may be flipped, not one alone."""
    program = ns.Program.from_text("""
        neural left(x: Tensor, d: 0..1) by left_net .
        neural right(x: Tensor, d: 0..1) by right_net .
        label(X, Z) :- left(X, A), right(X, B), Z is (A + B) mod 2.
    """)
    reasoner = ns.Reasoner(program, networks={"left_net": Says(2), "right_net": Says(2)})
    data = ns.Batch(("label(a, Z)",), [0, 1], {"a": torch.tensor([[0.0], [1.0]])})
    found = audit(reasoner, data).shortcuts
    assert found is not None and found.readings == 2
    assert found.example == (
        ("left_net", "0", "1"), ("left_net", "1", "0"), ("right_net", "0", "1"), ("right_net", "1", "0"),
    )  # fmt: skip


def test_entities_of_one_structure_share_a_table() -> None:
    """Yes-or-no concepts over entities: a disjunction lets two networks trade places, and no more."""
    program = ns.Program.from_text("""
        pred patient(p: symbol) .
        neural large(p: symbol) by large_net . neural dark(p: symbol) by dark_net . neural odd(p: symbol) by odd_net .
        0.5 :: sick(P) :- patient(P), large(P), dark(P).
        0.2 :: sick(P) :- patient(P), odd(P).
    """)
    names = [f"p{k}" for k in range(6)]
    table = ns.FeatureTable(names, torch.zeros(6, 1), ["size"])
    net = torch.nn.Linear(1, 1)
    reasoner = ns.Reasoner(
        program, ns.FactBase.from_facts([("patient", (ns.Symbol(n),)) for n in names]),
        {"large_net": net, "dark_net": net, "odd_net": net}, {"symbol": table},
    )  # fmt: skip
    found = audit(reasoner, ns.Batch(("sick(P)",), {f"sick({n})": k < 3 for k, n in enumerate(names)})).shortcuts

    def label(large: int, dark: int, odd: int) -> float:
        return round(1 - (1 - 0.5 * large * dark) * (1 - 0.2 * odd), 9)

    functions = list(itertools.product((0, 1), repeat=2))
    fit = [
        maps for maps in itertools.product(functions, repeat=3)
        if all(
            label(*(m[v] for m, v in zip(maps, row, strict=True))) == label(*row)
            for row in itertools.product((0, 1), repeat=3)
        )
    ]  # fmt: skip
    assert found is not None and found.exact and found.readings == len(fit) == 1


def test_what_is_too_large_is_said_to_be_skipped() -> None:
    rules, values, label, rows = TASKS["addition"]
    inputs = {s: torch.tensor([[float(r[k])] for r in rows]) for k, s in enumerate("ab")}
    reasoner = ns.Reasoner(ns.Program.from_text(rules), networks={"net": Says(values)})
    batch = ns.Batch(("label(a, b, Z)",), [label(*r) for r in rows], inputs)
    found = audit(reasoner, batch, max_combinations=24).shortcuts
    assert found is not None and found.skipped == 9 and not found.exact and found.readings == 1
    cut = audit(reasoner, batch, max_nodes=0).shortcuts
    assert cut is not None and cut.cut and not cut.exact and cut.readings == 1


def test_a_sample_whose_concepts_contradict_its_label_is_counted() -> None:
    rules, values, _, _ = TASKS["addition"]
    found = audited(rules, "label(a, b, Z)", values, lambda a, b: a + b if a else 8, [(0, 1), (1, 1)], True).shortcuts
    assert found is not None and found.contradicted == 1 and found.examples == 1
