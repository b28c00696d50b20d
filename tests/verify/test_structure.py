"""A certificate that was tampered with or is broken is refused, each fault by a code of its own."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from neurosym.errors import ExplanationError
from neurosym.verify import verify_certificate
from neurosym.verify.atoms import split_atom
from tests.verify.programs import certificate, worlds

TEXT = """
    0.3 :: a.
    0.2 :: b; 0.5 :: c.
    sure.
    p :- a, sure.
    p :- b, \\+ a.
    q :- p, \\+ c.
    q :- a, c.
"""


def good() -> dict[str, Any]:
    data = certificate(TEXT, "q", evidence={"p": True})
    value = worlds(data)
    assert value is not None
    return data | {"value": value}


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets what a path such as `facts.0.kind` leads to."""

    def apply(data: dict[str, Any]) -> None:
        *above, last = path.split(".")
        at: Any = data
        for key in above:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at[int(last) if isinstance(at, list) else last] = value

    return apply


def drop(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.pop(key)


def add(key: str, index: int) -> Callable[[dict[str, Any]], None]:
    return lambda data: data[key].append(copy.deepcopy(data[key][index]))


FAULTS: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "a missing key": ("NS810", drop("choices")),
    "a missing key inside": ("NS810", lambda d: d["groundings"][0].pop("negated")),
    "another format": ("NS810", change("format", "neurosym-certificate/2")),
    "facts that are no list": ("NS810", change("facts", {})),
    "a fact that is no object": ("NS810", change("facts.0", "a")),
    "a number that is a truth value": ("NS810", change("claim", True)),
    "a number that is a float": ("NS810", change("groundings.0.head", 1.0)),
    "an observation that is a number": ("NS810", change("evidence.0.observed", 1)),
    "a claim out of range": ("NS811", change("claim", 99)),
    "a negative fact number": ("NS811", change("groundings.0.body", [-1])),
    "an unknown kind of fact": ("NS812", change("facts.0.kind", "axiom")),
    "an unknown kind of choice": ("NS812", change("choices.0.kind", "guess")),
    "a kind that is no text": ("NS812", change("choices.0.kind", ["neural"])),
    "a derived fact without a grounding": ("NS813", change("facts.3.kind", "derived")),
    "a leaf with a grounding": ("NS813", change("groundings.0.head", 0)),
    "an absent fact that something rests on": ("NS813", change("facts.3.kind", "absent")),
    "a leaf in no choice": ("NS814", change("facts.3.kind", "leaf")),
    "a leaf in two choices": ("NS814", add("choices", 0)),
    "a leaf twice in one choice": ("NS814", change("choices.1.outcomes", [1, 1])),
    "an outcome that is no leaf": ("NS814", change("choices.0.outcomes", [3])),
    "more outcomes than probabilities": ("NS814", change("choices.0.probabilities", [])),
    "a negative probability": ("NS815", change("choices.0.probabilities", [-0.1])),
    "a probability over 1": ("NS815", change("choices.0.probabilities", [1.1])),
    "a probability that is no number": ("NS815", change("choices.0.probabilities", [math.nan])),
    "a value that is infinite": ("NS815", change("value", math.inf)),
    "a value too large for a float": ("NS815", change("value", 10**400)),
    "probabilities that add up to more than 1": ("NS815", change("choices.1.probabilities", [0.6, 0.5])),
    "an absent atom that is a fact": ("NS816", change("groundings.0.absent", ["sure"])),
    "a negation through a cycle": ("NS817", change("groundings.0.negated", [5])),
    "the same grounding twice": ("NS818", add("groundings", 0)),
    "the same atom twice": ("NS818", change("facts.0.atom", "c")),
    "the same observation twice": ("NS818", add("evidence", 0)),
    "a hash that is none": ("NS819", change("hashes.rules", "abc")),
    "a missing hash": ("NS819", change("hashes", {})),
    "an unknown semantics": ("NS822", change("semantics", "fuzzy")),
}


def test_the_certificate_is_good():
    result = verify_certificate(good())
    assert result.atom == "q"
    assert (result.facts, result.choices, result.groundings) == (6, 2, 4)
    assert result.evidence_probability == pytest.approx(0.3 + 0.7 * 0.2)


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str):
    code, spoil = FAULTS[name]
    data = good()
    spoil(data)
    with pytest.raises(ExplanationError) as error:
        verify_certificate(data)
    assert error.value.code == code, error.value


def test_a_claim_that_nothing_derives():
    data = good() | {"facts": [{"atom": "q", "kind": "absent", "hidden": ""}], "claim": 0}
    data |= {"choices": [], "groundings": [], "evidence": []}
    result = verify_certificate(data | {"value": 0.0})
    assert result.value == 0
    assert "that nothing derives the claim" in result.unchecked
    with pytest.raises(ExplanationError, match="does not follow"):
        verify_certificate(data | {"value": 0.1})


def test_every_change_that_changes_the_number_is_caught():
    """Tamper with each probability, each body, each sign and each observation; compare with the worlds."""
    spoils = [change(f"choices.{c}.probabilities.{k}", 0.1) for c, k in ((0, 0), (1, 0), (1, 1))]
    spoils += [change(f"evidence.0.{k}", v) for k, v in (("observed", False), ("fact", 1))]
    for g, grounding in enumerate(good()["groundings"]):
        spoils.append(lambda d, g=g: d["groundings"].pop(g))
        for part in ("body", "negated"):
            for k in range(len(grounding[part])):
                spoils.append(lambda d, g=g, part=part, k=k: d["groundings"][g][part].pop(k))
                other = "negated" if part == "body" else "body"
                spoils.append(
                    lambda d, g=g, p=part, o=other, k=k: d["groundings"][g][o].append(d["groundings"][g][p].pop(k))
                )
    caught = 0
    for spoil in spoils:
        data = good()
        spoil(data)
        value = worlds(data)
        if value is not None and abs(value - data["value"]) < 1e-9:
            verify_certificate(data)
        else:
            caught += 1
            with pytest.raises(ExplanationError):
                verify_certificate(data)
    assert caught >= 10  # the others do not change the number, and are verified


def test_the_number_shown_must_agree_too():
    with pytest.raises(ExplanationError, match="the explanation says") as error:
        verify_certificate(good(), expected=0.5)
    assert error.value.code == "NS821"
    with pytest.raises(ExplanationError):
        verify_certificate(good(), expected=math.nan)


@pytest.mark.parametrize("limit", ["max_steps", "max_facts", "max_groundings"])
def test_limits_say_so(limit: str):
    with pytest.raises(ExplanationError) as error:
        verify_certificate(good(), **{limit: 2})  # pyright: ignore[reportArgumentType]
    assert error.value.code == "NS820"
    assert limit in str(error.value)


@pytest.mark.parametrize(
    ("absent", "found"),
    [("p(1, _)", True), ("p(_, b)", True), ("p(2, _)", False), ("p(1, _, _)", False), ("'a,b'(\"x, (_\")", False)],
)
def test_wildcards_of_absent_atoms(absent: str, found: bool):
    data = certificate("p(1, b).\nq :- p(1, b).", "q", 1.0)
    data["groundings"][0]["absent"] = [absent]
    if found:
        with pytest.raises(ExplanationError, match="is a fact"):
            verify_certificate(data)
    else:
        verify_certificate(data)


@pytest.mark.parametrize(
    ("atom", "parts"),
    [
        ("p", ("p", ())),
        ("p(a, b)", ("p", ("a", "b"))),
        ("<http://a.b/(c)>(x)", ("<http://a.b/(c)>", ("x",))),
        ("p('it\\'s, ok', \"a)b\", <u:,>)", ("p", ("'it\\'s, ok'", '"a)b"', "<u:,>"))),
        ("", ("", ())),
    ],
)
def test_split_atom(atom: str, parts: tuple):
    assert split_atom(atom) == parts
