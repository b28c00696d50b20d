"""Reading a certificate: is it whole, and does it describe a ground program at all?

Nothing of the certificate is trusted. Everything that later code relies on is checked here, so that a fault is named
where it is and never shows as a wrong number or a traceback.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurosym.errors import ExplanationError
from neurosym.verify.atoms import AtomIndex

FORMAT = "neurosym-certificate/1"
KEYS = ("claim", "value", "semantics", "facts", "choices", "groundings", "evidence", "hashes", "format")
FACT_KINDS = ("certain", "leaf", "derived", "absent")  # `absent`: a claim that nothing derives
LOGIC = "bounds"  # under which an atom of an open predicate is a fact of its own kind
CHOICE_KINDS = ("constant", "learned", "neural", "open")
HASHES = ("rules", "facts", "weights")
SUM_SLACK = 1e-6  # softmax outputs in float32 may add up to slightly more than 1
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Choice:
    """An independent random choice; its outcomes exclude one another, what they leave over is 'none of them'.

    Of the kind `open` it is an unknown atom, which holds or not and has no probability.
    """

    outcomes: tuple[int, ...]
    probabilities: tuple[float, ...]
    origin: str
    kind: str


@dataclass(frozen=True, slots=True)
class Grounding:
    """A ground rule instance: `head` holds if all of `body` hold and none of `negated` does."""

    rule: str
    part: str
    head: int
    body: tuple[int, ...]
    negated: tuple[int, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroundProgram:
    """What a certificate says, checked.

    Attributes:
        atoms, kinds, hidden: one entry for each fact.
        evidence: fact number → whether it was observed to hold.
        foreign: predicates that Python functions answered while grounding.
        bounds: claimed, where the claim rests on unknown atoms.
    """

    claim: int
    value: float
    semantics: str
    atoms: tuple[str, ...]
    kinds: tuple[str, ...]
    hidden: tuple[str, ...]
    choices: tuple[Choice, ...]
    groundings: tuple[Grounding, ...]
    evidence: dict[int, bool]
    hashes: dict[str, str]
    foreign: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None

    def name(self, fact: int) -> str:
        """A fact for messages: what it stands for if the engine made it up, and its number."""
        return f"fact {fact} ({self.hidden[fact] or self.atoms[fact]})"


def fault(code: str, message: str, note: str = "") -> ExplanationError:
    """A fault of the certificate, in the form in which all of them are raised."""
    return ExplanationError(message, code=code, note=note, help="do not rely on this explanation; make it anew")


def read_structure(certificate: Mapping[str, Any], max_facts: int, max_groundings: int) -> GroundProgram:
    """The ground program that a certificate describes.

    Raises:
        ExplanationError: NS810 keys, types or format; NS811 fact numbers; NS812 kinds; NS813 groundings that do not fit
            the facts' kinds; NS814 leaves and choices; NS815 probabilities; NS816 absent atoms that are there; NS818
            duplicates; NS819 hashes; NS820 larger than the limits.
    """
    if not isinstance(certificate, Mapping):
        raise fault("NS810", "the certificate is no JSON object")
    missing = [key for key in KEYS if key not in certificate]
    if missing:
        raise fault("NS810", f"the certificate has no `{missing[0]}`", f"missing: {', '.join(missing)}")
    if certificate["format"] != FORMAT:
        raise fault("NS810", f"the certificate's format is {certificate['format']!r:.60}, not `{FORMAT}`")
    facts = _rows(certificate, "facts", max_facts)
    groundings = _rows(certificate, "groundings", max_groundings)
    count = len(facts)
    atoms = tuple(_text(f, "atom", f"fact {i}") for i, f in enumerate(facts))
    known = (*FACT_KINDS, "open") if certificate["semantics"] == LOGIC else FACT_KINDS
    kinds = tuple(_kind(f, known, f"fact {i}") for i, f in enumerate(facts))
    hidden = tuple(_text(f, "hidden", f"fact {i}") for i, f in enumerate(facts))
    program = GroundProgram(
        claim=_number(certificate["claim"], count, "the claim"),
        value=_real(certificate["value"], "the claimed value"),
        semantics=_text(certificate, "semantics", "the certificate"),
        atoms=atoms,
        kinds=kinds,
        hidden=hidden,
        choices=tuple(_choice(c, i, count) for i, c in enumerate(_rows(certificate, "choices", max_facts))),
        groundings=tuple(_grounding(g, i, count) for i, g in enumerate(groundings)),
        evidence=_evidence(certificate, count),
        hashes=_hashes(certificate["hashes"]),
        foreign=_foreign(certificate.get("foreign", ())),
        bounds=_bounds(certificate.get("bounds")),
    )
    _check_leaves(program)
    _check_heads(program)
    _check_duplicates(program)
    _check_absent(program)
    return program


# ---------------------------------------------------------------------------------------------- single values


def _foreign(names: Any) -> tuple[str, ...]:
    """The foreign predicates that the rules call; a certificate of an older version does not list them."""
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise fault("NS810", "`foreign` is no list of texts")
    return tuple(names)


def _rows(certificate: Mapping[str, Any], key: str, limit: int) -> Sequence[Mapping[str, Any]]:
    rows = certificate[key]
    if not isinstance(rows, (list, tuple)):
        raise fault("NS810", f"`{key}` is no list")
    if len(rows) > limit:
        raise ExplanationError(
            f"the certificate has {len(rows):,} {key}, the limit is {limit:,}", code="NS820",
            help=f"raise max_{'groundings' if key == 'groundings' else 'facts'} if you trust where it comes from",
        )  # fmt: skip
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise fault("NS810", f"entry {i} of `{key}` is no object")
    return rows


def _get(row: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in row:
        raise fault("NS810", f"{where} has no `{key}`")
    return row[key]


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = _get(row, key, where)
    if not isinstance(value, str):
        raise fault("NS810", f"`{key}` of {where} is no text")
    return value


def _kind(row: Mapping[str, Any], kinds: tuple[str, ...], where: str) -> str:
    value = _get(row, "kind", where)
    if not isinstance(value, str) or value not in kinds:
        raise fault("NS812", f"{where} is of the unknown kind {value!r:.40}", f"known: {', '.join(kinds)}")
    return value


def _number(value: Any, count: int, where: str) -> int:
    # True is an int to Python, but not a fact number
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault("NS810", f"{where}: {value!r:.40} is no fact number")
    if not 0 <= value < count:
        raise fault("NS811", f"{where}: there is no fact {value:,}", f"facts are numbered from 0 to {count - 1}")
    return value


def _numbers(row: Mapping[str, Any], key: str, count: int, where: str) -> tuple[int, ...]:
    values = _get(row, key, where)
    if not isinstance(values, (list, tuple)):
        raise fault("NS810", f"`{key}` of {where} is no list")
    return tuple(_number(v, count, f"`{key}` of {where}") for v in values)


def _real(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fault("NS810", f"{where} is {value!r:.40}, which is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise fault("NS815", f"{where} is {number}, not a finite number")
    return number


# ------------------------------------------------------------------------------------------------------- rows


def _choice(row: Mapping[str, Any], number: int, count: int) -> Choice:
    where = f"choice {number}"
    outcomes = _numbers(row, "outcomes", count, where)
    given = _get(row, "probabilities", where)
    if not isinstance(given, (list, tuple)):
        raise fault("NS810", f"`probabilities` of {where} is no list")
    probabilities = tuple(_real(p, f"a probability of {where}") for p in given)
    kind = _kind(row, CHOICE_KINDS, where)
    if kind == "open" and (probabilities or len(outcomes) != 1):
        raise fault("NS814", f"{where} is an unknown atom, which is one outcome without a probability")
    if kind != "open" and (len(outcomes) != len(probabilities) or not outcomes):
        raise fault("NS814", f"{where} has {len(outcomes)} outcomes and {len(probabilities)} probabilities")
    for p in probabilities:
        if not 0 <= p <= 1:
            raise fault("NS815", f"{where} has the probability {p}, outside [0, 1]")
    if math.fsum(probabilities) > 1 + SUM_SLACK:
        raise fault("NS815", f"the probabilities of {where} add up to {math.fsum(probabilities):.9g}, more than 1")
    return Choice(outcomes, probabilities, _text(row, "origin", where), kind)


def _grounding(row: Mapping[str, Any], number: int, count: int) -> Grounding:
    where = f"grounding {number}"
    absent = _get(row, "absent", where)
    if not isinstance(absent, (list, tuple)) or not all(isinstance(a, str) for a in absent):
        raise fault("NS810", f"`absent` of {where} is no list of atoms")
    return Grounding(
        rule=_text(row, "rule", where),
        part=_text(row, "part", where),
        head=_number(_get(row, "head", where), count, f"the head of {where}"),
        body=_numbers(row, "body", count, where),
        negated=_numbers(row, "negated", count, where),
        absent=tuple(absent),
    )


def _evidence(certificate: Mapping[str, Any], count: int) -> dict[int, bool]:
    evidence: dict[int, bool] = {}
    for i, row in enumerate(_rows(certificate, "evidence", count + 1)):
        fact = _number(_get(row, "fact", f"evidence {i}"), count, f"evidence {i}")
        observed = _get(row, "observed", f"evidence {i}")
        if not isinstance(observed, bool):
            raise fault("NS810", f"`observed` of evidence {i} is neither true nor false")
        if fact in evidence:
            raise fault("NS818", f"fact {fact} is observed twice")
        evidence[fact] = observed
    return evidence


def _bounds(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise fault("NS810", "`bounds` is no pair of numbers")
    return _real(value[0], "the lower bound"), _real(value[1], "the upper bound")


def _hashes(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise fault("NS819", "`hashes` is no object")
    for name in HASHES:
        digest = value.get(name)
        if not isinstance(digest, str) or not _SHA256.match(digest):
            raise fault("NS819", f"the hash of the {name} is no SHA-256", "64 hexadecimal digits in lower case")
    return {name: value[name] for name in HASHES}


# ---------------------------------------------------------------------------------------------- how they fit


def _check_leaves(program: GroundProgram) -> None:
    owner: dict[int, int] = {}
    for number, choice in enumerate(program.choices):
        for fact in choice.outcomes:
            if program.kinds[fact] != "leaf":
                raise fault("NS814", f"choice {number} has {program.name(fact)} as outcome, which is no leaf")
            if fact in owner:
                raise fault("NS814", f"{program.name(fact)} is an outcome twice: choices {owner[fact]} and {number}")
            owner[fact] = number
    for fact, kind in enumerate(program.kinds):
        if kind == "leaf" and fact not in owner:
            raise fault("NS814", f"{program.name(fact)} is a leaf, but the outcome of no choice")


def _check_heads(program: GroundProgram) -> None:
    heads = {g.head for g in program.groundings}
    for fact, kind in enumerate(program.kinds):
        if kind == "derived" and fact not in heads:
            raise fault("NS813", f"{program.name(fact)} is derived, but has no grounding")
        if kind == "leaf" and fact in heads:
            raise fault("NS813", f"{program.name(fact)} is a leaf, but has a grounding")
    absent = {fact for fact, kind in enumerate(program.kinds) if kind == "absent"}
    used = {f for g in program.groundings for f in (g.head, *g.body, *g.negated)} | set(program.evidence)
    for fact in absent:
        if fact != program.claim or fact in used:
            raise fault("NS813", f"{program.name(fact)} is absent; only a claim can be, and nothing may rest on it")


def _check_duplicates(program: GroundProgram) -> None:
    seen: dict[str, int] = {}
    for fact, atom in enumerate(program.atoms):
        if not program.hidden[fact] and seen.setdefault(atom, fact) != fact:
            raise fault("NS818", f"facts {seen[atom]} and {fact} are the same atom, {atom}")
    instances: dict[tuple, int] = {}
    for number, g in enumerate(program.groundings):
        # in their order: `q :- a(X), a(Y)` has a grounding by a(1), a(2) and another by a(2), a(1)
        key = (g.rule, g.part, g.head, g.body, g.negated, g.absent)
        if instances.setdefault(key, number) != number:
            raise fault("NS818", f"groundings {instances[key]} and {number} are the same, of rule `{g.rule}`")


def _check_absent(program: GroundProgram) -> None:
    index = AtomIndex(atom for atom, hidden in zip(program.atoms, program.hidden, strict=True) if not hidden)
    for number, g in enumerate(program.groundings):
        for atom in g.absent:
            found = index.match(atom)
            if found is not None:
                raise fault("NS816", f"grounding {number} rests on the absence of {atom}, but {found} is a fact")
