"""The parts of an explanation that a reader sees, read strictly: nothing in them is trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurosym.verify.structure import fault

LEAVES = ("data", "neural", "choice", "absent", "assumption", "not")
DERIVED = ("derived", "aggregate")
SILENT = {  # parts of an explanation that nothing is compared with, and what to call them
    "why_not": "the reasons why not", "changes": "what would change the claim", "shares": "Shapley values",
    "warnings": "the warnings, and whether one was left out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownNode:
    """A fact as it is shown; `network` and `value` of one that a network decided, else empty; its bounds, if any."""

    id: str
    kind: str
    atom: str
    label: str
    probability: float
    place: str
    network: str = ""
    value: str = ""
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A firing of a rule as it is shown."""

    node: str
    rule: int
    body: tuple[str, ...]
    because: str
    substitution: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule as it is shown."""

    name: str
    text: str
    file: str
    line: int
    source: str
    weight: float | None
    weights: tuple[float, ...]
    given: str = ""


@dataclass(frozen=True, slots=True)
class ShownProof:
    """A proof as it is shown."""

    probability: float
    root: str
    steps: tuple[int, ...]
    assumes: bool


@dataclass(frozen=True, slots=True)
class ShownContribution:
    """What leaving out a rule or a leaf does, as it is shown."""

    kind: str
    name: str
    reference: str
    without: float
    difference: float


@dataclass(frozen=True, slots=True)
class View:
    """What a reader sees.

    Attributes:
        atom, label, semantics, probability: of the claim.
        given: what was observed, as sentences.
        silent: in words, what is shown beside this, and is compared with nothing.
    """

    atom: str
    label: str
    semantics: str
    probability: float
    nodes: dict[str, ShownNode]
    steps: tuple[ShownStep, ...]
    rules: tuple[ShownRule, ...]
    proofs: tuple[ShownProof, ...]
    contributions: tuple[ShownContribution, ...]
    given: tuple[str, ...]
    silent: tuple[str, ...]


def read_view(shown: Mapping[str, Any]) -> View:
    """What an explanation shows, from its plain data.

    Raises:
        ExplanationError: NS810 a part is missing or of another type; NS836 a part speaks of one that is not there.
    """
    claim = _get(shown, "claim", Mapping, "the explanation")
    nodes = {str(k): _node(k, row) for k, row in _get(shown, "nodes", Mapping, "the explanation").items()}
    view = View(
        atom=_get(claim, "atom", str, "the claim"),
        label=_get(claim, "label", str, "the claim"),
        semantics=_get(claim, "semantics", str, "the claim"),
        probability=_number(claim, "probability", "the claim"),
        nodes=nodes,
        steps=tuple(_step(row, f"step {n}") for n, row in enumerate(_rows(shown, "steps"))),
        rules=tuple(_rule(row, f"rule {n}") for n, row in enumerate(_rows(shown, "rules"))),
        proofs=tuple(_proof(row, f"proof {n}") for n, row in enumerate(_rows(shown, "proofs"))),
        contributions=tuple(
            _contribution(row, f"contribution {n}") for n, row in enumerate(_rows(shown, "contributions"))
        ),
        given=_texts(shown.get("given", ()), "`given`"),
        silent=_silent(shown, claim),
    )
    _check_references(view)
    return view


def _check_references(view: View) -> None:
    """See that whatever is spoken of is there.

    Raises:
        ExplanationError: NS836.
    """
    for number, step in enumerate(view.steps):
        for name in (step.node, *step.body):
            if name not in view.nodes:
                raise fault("NS836", f"step {number} speaks of the node `{name:.60}`, which is not there")
        if not 0 <= step.rule < len(view.rules):
            raise fault("NS836", f"step {number} is by rule {step.rule}, which is not there")
    for number, proof in enumerate(view.proofs):
        if proof.root not in view.nodes or not all(0 <= k < len(view.steps) for k in proof.steps):
            raise fault("NS836", f"proof {number} speaks of a node or a step that is not there")
    for number, added in enumerate(view.contributions):
        there = added.reference in view.nodes if added.kind == "leaf" else (
            added.reference.isascii() and added.reference.isdecimal() and int(added.reference) < len(view.rules)
        )  # fmt: skip
        if not there:
            raise fault("NS836", f"contribution {number} speaks of a {added.kind:.10} that is not there")


# ------------------------------------------------------------------------------------------------------- rows


def _node(name: Any, row: Any) -> ShownNode:
    where = f"node {name!r:.60}"
    row = _object(row, where)
    if _get(row, "id", str, where) != name:
        raise fault("NS836", f"{where} calls itself `{row['id']:.60}`")
    neural = row.get("neural")
    network = value = ""
    if neural is not None:
        neural = _object(neural, f"what the network said of {where}")
        network, value = (_get(neural, k, str, f"what the network said of {where}") for k in ("network", "value"))
    return ShownNode(
        row["id"], _get(row, "kind", str, where), _get(row, "atom", str, where), _get(row, "label", str, where),
        _number(row, "probability", where), _get(row, "place", str, where) if "place" in row else "", network, value,
        *(None if row.get(k) is None else _number(row, k, where) for k in ("lower", "upper")),
    )  # fmt: skip


def _step(row: Any, where: str) -> ShownStep:
    row = _object(row, where)
    substitution = row.get("substitution", {})
    if not isinstance(substitution, Mapping) or not all(isinstance(x, str) for p in substitution.items() for x in p):
        raise fault("NS810", f"`substitution` of {where} is no object of texts")
    return ShownStep(
        _get(row, "node", str, where), _get(row, "rule", int, where), _texts(row.get("body"), f"`body` of {where}"),
        _get(row, "because", str, where), substitution,
    )  # fmt: skip


def _rule(row: Any, where: str) -> ShownRule:
    row = _object(row, where)
    weight = None if row.get("weight") is None else _number(row, "weight", where)
    weights = row.get("weights", ())
    if not isinstance(weights, (list, tuple)) or any(
        isinstance(w, bool) or not isinstance(w, int | float) for w in weights
    ):
        raise fault("NS810", f"`weights` of {where} are no numbers")  # fmt: skip
    return ShownRule(
        _get(row, "name", str, where), _get(row, "text", str, where), _get(row, "file", str, where),
        _get(row, "line", int, where), _get(row, "source", str, where) if "source" in row else "", weight,
        tuple(map(float, weights)), _get(row, "given", str, where) if "given" in row else "",
    )  # fmt: skip


def _proof(row: Any, where: str) -> ShownProof:
    row = _object(row, where)
    steps = row.get("steps")
    if not isinstance(steps, (list, tuple)) or not all(type(s) is int for s in steps):
        raise fault("NS810", f"`steps` of {where} are no numbers")
    assumes = _get(row, "assumes", bool, where) if "assumes" in row else False
    return ShownProof(_number(row, "probability", where), _get(row, "root", str, where), tuple(steps), assumes)


def _contribution(row: Any, where: str) -> ShownContribution:
    row = _object(row, where)
    kind, name, reference = (_get(row, k, str, where) for k in ("kind", "name", "reference"))
    numbers = _number(row, "without", where), _number(row, "difference", where)
    return ShownContribution(kind, name, reference, *numbers)


def _silent(shown: Mapping[str, Any], claim: Mapping[str, Any]) -> tuple[str, ...]:
    rows = [*_rows(shown, "contributions"), *_rows(shown, "rules"), claim]
    found = [text for key, text in SILENT.items() if key == "warnings" or shown.get(key)]
    if any(isinstance(r, Mapping) and r.get("gradient") is not None for r in rows):
        found.append("gradients")
    if any(isinstance(r, Mapping) and r.get("credible") is not None for r in rows):
        found.append("credible intervals")
    if any(isinstance(n, Mapping) and n.get("neural") is not None for n in shown["nodes"].values()):
        found.append("the inputs of networks, and what else these held possible")
    return tuple(found)


# ---------------------------------------------------------------------------------------------- single values


def _object(row: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise fault("NS810", f"{where} is no object")
    return row


def _get(row: Mapping[str, Any], key: str, kind: Any, where: str) -> Any:
    value = row.get(key)
    # True is an int to Python, but no number of a rule
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise fault("NS810", f"`{key}` of {where} is missing, or of another type")
    return value


def _number(row: Mapping[str, Any], key: str, where: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise fault("NS810", f"`{key}` of {where} is no number")
    return float(value)


def _rows(shown: Mapping[str, Any], key: str) -> Sequence[Any]:
    rows = shown.get(key)
    if not isinstance(rows, (list, tuple)):
        raise fault("NS810", f"`{key}` is no list")
    return rows


def _texts(values: Any, where: str) -> tuple[str, ...]:
    if not isinstance(values, (list, tuple)) or not all(isinstance(v, str) for v in values):
        raise fault("NS810", f"{where} is no list of texts")
    return tuple(values)


__all__ = ["DERIVED", "LEAVES", "View", "read_view"]
