"""Foreign predicates through the public interface: queries, explanations, certificates, tests, saved models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import neurosym as ns
from neurosym.errors import DataError, ModelError
from neurosym.reasoner.tests_of import run_tests
from neurosym.verify import verify_certificate

RULES = """
town(bern, 10). town(thun, 35). town(chur, 90).
rule close
  weight 0.8
  if   town(?a, ?x) and town(?b, ?y) and ?a \\= ?b and distance(?x, ?y, ?d) and ?e is ?d * 2 and ?d < 30
  then near(?a, ?b)
  because "{a} is {d} km from {b}, {e} km both ways" .
lonely(A) :- town(A, _), not near(A, _).
some(A, R) :- town(A, X), root(X, R), R > 0.
test "near" : given town(biel, 12) expect near(biel, bern) = 0.8 expect near(biel, chur) = 0 .
"""
CALLS: list[list] = []


def distances(xs: list, ys: list) -> list:
    CALLS.append(xs)
    return [abs(x - y) for x, y in zip(xs, ys, strict=True)]


DISTANCE = ns.Foreign("distance(+X, +Y, -D)", distances)
ROOT = ns.Foreign("root(+X, -R)", lambda xs: [[x**0.5, -(x**0.5)] for x in xs])


def program() -> ns.Program:
    return ns.Program.from_text(RULES, foreign=[DISTANCE, ROOT])


def test_answers() -> None:
    answers = ns.Reasoner(program()).query("near(bern, X)", "lonely(chur)").detach()
    assert answers == pytest.approx({"near(bern, thun)": 0.8, "lonely(chur)": 1.0})


def test_the_sentence_of_a_rule_has_what_the_function_found() -> None:
    answers = ns.Reasoner(program()).query("near(bern, thun)")
    CALLS.clear()
    why = ns.explain(answers, "near(bern, thun)", contributions=False)
    assert why.steps[0].because == "bern is 25 km from thun, 50 km both ways"
    assert why.steps[0].substitution["d"] == "25"
    assert not CALLS, "what was answered while grounding is remembered"
    assert not [n for n in why.nodes.values() if "distance" in n.atom]


def test_one_of_several_solutions_is_told_where_the_head_has_it() -> None:
    why = ns.explain(ns.Reasoner(program()).query("some(bern, R)"), "some(bern, 3.1622776601683795)")
    assert why.steps[0].substitution["R"] == "3.162"


def test_a_certificate_verifies_and_says_what_was_not_looked_at() -> None:
    why = ns.explain(ns.Reasoner(program()).query("near(bern, thun)"), "near(bern, thun)")
    why.verify()
    certificate = json.loads(why.to_json())["certificate"]
    assert certificate["foreign"] == ["distance(+X, +Y, -D)"]
    found = verify_certificate(certificate)
    assert "what the Python function of `distance(+X, +Y, -D)` answered" in found.unchecked
    del certificate["foreign"]  # as older versions wrote it
    assert len(verify_certificate(certificate).unchecked) == len(found.unchecked) - 1


def test_leaving_out_a_fact_asks_the_function_again() -> None:
    why = ns.explain(ns.Reasoner(program()).query("near(bern, thun)"), "near(bern, thun)")
    assert {c.name: c.without for c in why.contributions}["close"] == 0.0


def test_the_tests_of_a_program_call_its_functions() -> None:
    (result,) = run_tests(program())
    assert result.passed


def test_a_foreign_predicate_has_no_answers() -> None:
    with pytest.raises(DataError, match="answered by a Python function") as caught:
        ns.Reasoner(program()).query("distance(1, 2, D)")
    assert caught.value.code == "NS616"


def test_a_model_keeps_names_and_asks_for_functions(tmp_path: Path) -> None:
    ns.Reasoner(program()).save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "model.json").read_text("utf-8"))["foreign"] == [
        "distance(+X, +Y, -D)", "root(+X, -R)",
    ]  # fmt: skip
    renamed = ns.Foreign("distance(+From, +To, -Km)", distances)  # the names of arguments do not matter
    loaded = ns.Reasoner.load(tmp_path / "model", foreign=[ROOT, renamed])
    assert loaded.query("near(bern, thun)").detach() == pytest.approx({"near(bern, thun)": 0.8})
    loaded.save(tmp_path / "again")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "`distance(+X, +Y, -D)`"),
        ([DISTANCE], "`root(+X, -R)`"),
        ([ns.Foreign("distance(+X, +Y, +D)", distances), ROOT], "`distance(+X, +Y, -D)`"),
        ([DISTANCE, ROOT, ns.Foreign("other(+X)", distances)], "`other(+X)`"),
    ],
)
def test_a_model_without_its_functions_is_refused(tmp_path: Path, given: list[ns.Foreign], says: str) -> None:
    ns.Reasoner(program()).save(tmp_path / "model")
    with pytest.raises(ModelError) as caught:
        ns.Reasoner.load(tmp_path / "model", foreign=given)
    assert caught.value.code == "NS708" and says in caught.value.message


def test_a_damaged_declaration_is_a_damaged_model(tmp_path: Path) -> None:
    ns.Reasoner(program()).save(tmp_path / "model")
    manifest = tmp_path / "model" / "model.json"
    manifest.write_text(manifest.read_text("utf-8").replace("distance(+X", "distance(X"), "utf-8")
    with pytest.raises(ModelError) as caught:
        ns.Reasoner.load(tmp_path / "model", foreign=[DISTANCE, ROOT])
    assert caught.value.code == "NS702"
