r"""Queries for more than an atom: `\+ a`, bodies such as `a, b(X)`, and evidence given beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.cli import main
from neurosym.errors import DataError, NeurosymError, RuleError, SemanticsError
from neurosym.lang import parse_query, to_text

TEXT = """
0.5 :: a. 0.3 :: b(1). 0.2 :: b(2). b(3).
c :- a, b(1).
c :- not a, b(2).
d(X) :- b(X), not c.
"""


def reasoner(text: str = TEXT, dialect: str = "rules", **options) -> ns.Reasoner:  # type: ignore[no-untyped-def]
    return ns.Reasoner(ns.Program.from_text(text, dialect=dialect), **options)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("not a", {"not a": 0.5}),
        ("\\+ a", {"not a": 0.5}),
        ("not b(3)", {"not b(3)": 0.0}),
        ("not b(9)", {"not b(9)": 1.0}),
        ("not b(X)", {"not b(1)": 0.7, "not b(2)": 0.8, "not b(3)": 0.0}),
        ("a, b(X)", {"a, b(1)": 0.15, "a, b(2)": 0.1, "a, b(3)": 0.5}),
        ("a and b(X) and X > 1", {"a, b(2), 2 > 1": 0.1, "a, b(3), 3 > 1": 0.5}),
        ("a, not b(1)", {"a, not b(1)": 0.35}),
        ("c, a", {"c, a": 0.15}),
        ("c, b(X), not a", {"c, b(1), not a": 0.03, "c, b(2), not a": 0.1, "c, b(3), not a": 0.1}),
        ("a or b(1)", {"a or b(1)": 0.65}),
        ("not (a, b(1))", {"not (a, b(1))": 0.85}),
        ("a, b(_)", {"a, b(_)": 0.5}),
        ("a, b(9)", {"a, b(9)": 0.0}),
        ("b(X), X > 5", {}),
        ("N = count{ X : b(X) }, N > 2", {"3 = count{ X : b(X) }, 3 > 2": 0.06}),
        ("b(X), Y = X, Y < 2", {"b(1), 1 = 1, 1 < 2": 0.3}),
    ],
)
def test_probabilities(query: str, expected: dict[str, float]) -> None:
    assert reasoner().query(query).detach() == pytest.approx(expected)


def test_several_queries_of_all_kinds_at_once() -> None:
    found = reasoner().query("a", "a, b(1)", "not b(X)", "a, b(1)", "c").detach()
    assert list(found) == ["a", "a, b(1)", "not b(3)", "not b(1)", "not b(2)", "c"]  # certain facts come first


def test_answers_are_found_by_text_in_any_spelling() -> None:
    answers = reasoner().query("a, b(X)", "not a")
    for text in ("a, b(1)", "a,b( 1 )", "a and b(1)"):
        assert float(answers[text][0]) == pytest.approx(0.15)
    assert float(answers["\\+a"][0]) == pytest.approx(0.5)
    with pytest.raises(DataError) as caught:
        answers["a, b(7)"]
    assert caught.value.code == "NS611"


def test_best_and_labels_of_a_body_with_one_variable() -> None:
    answers = reasoner().query("a, b(X), X < 3")
    assert answers.best() == [1]
    assert answers.best_atom() == max(answers.detach(), key=answers.detach().__getitem__)
    nothing = reasoner().query("a, b(X), X > 9")
    for refused in (nothing.best, nothing.best_atom, lambda: nothing.position("a")):
        with pytest.raises(DataError) as caught:
            refused()
        assert caught.value.note == "nothing that was asked can be derived"
    assert float(answers.nll([2]).exp()) == pytest.approx(10.0)


def test_problogs_spelling() -> None:
    found = reasoner("0.5::a. 0.3::b(1,x). query(\\+a). ?- a, b(X,Y), \\+ b(Y,X).", "pl").query()
    assert found.atoms == ("\\+a", "a, b(1,x), \\+b(x,1)")


# ---------------------------------------------------------------------------------------------------- conditional


@pytest.mark.parametrize("evidence", [{"c": True}, ["c"], {"not c": False}])
def test_evidence(evidence) -> None:  # type: ignore[no-untyped-def]
    found = reasoner().query("a, b(X)", "not a", evidence=evidence).detach()
    assert found["a, b(1)"] == pytest.approx(0.15 / 0.25)
    assert found["not a"] == pytest.approx(0.1 / 0.25)


def test_negative_evidence() -> None:
    found = reasoner().query("a", evidence=["\\+ c", "b(2)"]).detach()
    assert found["a"] == pytest.approx(0.35 * 0.2 / (0.35 * 0.2))
    assert reasoner().query("a", evidence={"\\+ c": True}).detach()["a"] == pytest.approx(0.35 / 0.75)


def test_a_conjunction_is_no_evidence() -> None:
    with pytest.raises(RuleError) as caught:
        reasoner().query("a", evidence=["a, c"])
    assert caught.value.diagnostics[0].code == "NS129"


# ----------------------------------------------------------------------------------------------------- semantics


def test_algebras_with_a_complement() -> None:
    text = "0.5 :: a. 0.3 :: b."
    assert reasoner(text).query("not a", "a, b", semantics="viterbi").detach() == pytest.approx(
        {"not a": 0.5, "a, b": 0.15}
    )
    assert reasoner(text).query("a, not b", semantics="goedel").detach() == pytest.approx({"a, not b": 0.5})
    assert reasoner(text).query("a, b", semantics="lukasiewicz").detach() == pytest.approx({"a, b": 0.0})


def test_algebras_without_one_refuse_a_negation() -> None:
    with pytest.raises(SemanticsError) as caught:
        reasoner().query("not a", semantics="count")
    assert caught.value.code == "NS501"


def test_without_demand() -> None:
    found = reasoner(demand=False).query("a, b(X)").detach()
    assert found["a, b(2)"] == pytest.approx(0.1)


def test_an_open_predicate_bounds_its_negation() -> None:
    text = "pred ill(p: any) open . person(x). 0.4 :: seen(P) :- person(P), ill(P)."
    answers = reasoner(text).query("not ill(x)", "seen(x), ill(x)")
    assert answers.lower[0].tolist() == pytest.approx([0.0, 0.0])
    assert answers.upper[0].tolist() == pytest.approx([1.0, 0.4])


def test_gradients_reach_shared_weights() -> None:
    model = reasoner("t(0.4) :: a. t(0.7) :: b. query(a).")
    (answer,) = model.query("a, not b").tags[0]
    assert answer.item() == pytest.approx(0.12)
    answer.backward()
    gradients = [float(p.grad) for p in model.weight_logits if p.grad is not None]
    assert gradients == pytest.approx([0.3 * 0.24, -0.4 * 0.21])
    model.set_rule_weight(model.learnable[0].label, 0.8)
    assert model.query("a, not b").tags[0, 0].item() == pytest.approx(0.24)


def test_samples_with_facts_of_their_own() -> None:
    model = reasoner("pred x(v: int) . 0.5 :: big(V) :- x(V), V > 1. query(big(V)).")
    answers = model.query_samples("x(V), not big(V)", samples=[[("x", (1,))], [("x", (2,))]])
    assert answers.of(0) == {"x(1), not big(1)": 1.0}
    assert answers.of(1) == {"x(2), not big(2)": 0.5}


def test_facts_may_change() -> None:
    model = reasoner()
    assert model.query("a, b(2)").detach()["a, b(2)"] == pytest.approx(0.1)
    model.update(added=ns.FactBase.from_facts([("b", (2,))]))
    assert model.query("a, b(2)").detach()["a, b(2)"] == pytest.approx(0.5)


# ----------------------------------------------------------------------------------------------------- reporting


def test_an_explanation_shows_the_body() -> None:
    why = ns.explain(reasoner().query("a, b(X)", evidence=["\\+ c"]), "a, b(2)")
    why.verify()
    assert why.claim.atom == why.claim.label == "a, b(2)"
    text = str(why)
    assert "a and b(2)" in text and "[?- a, b(X)]" in text
    assert all("?-" not in c.name for c in why.contributions)


def test_an_explanation_of_a_negation() -> None:
    why = ns.explain(reasoner().query("not c"), "not c")
    why.verify()
    assert why.claim.probability == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("a, zz(X)", "NS616"), ("not zz", "NS616"), ("a, b", "NS616"), ("b(X), Y > 3", "NS202"), ("a, ", "NS101"),
        ("b(X), c < ", "NS101"), ("a ->", "NS149"), ("b(X + 1), a", "NS202"), ("a, !", "NS119"),
        ("not b(X), a", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(query: str, code: str) -> None:
    if not code:  # X is existential in the negation
        assert reasoner().query(query).detach() == {"not b(X), a": 0.0}
        return
    with pytest.raises(NeurosymError) as caught:
        reasoner().query(query)
    error = caught.value
    codes = [d.code for d in error.diagnostics] if isinstance(error, RuleError) else [error.code]
    assert code in codes


def test_files_ask_for_bodies_too() -> None:
    text = TEXT + "query(not a). ?- a, b(X). query(b(1))."
    program = ns.Program.from_text(text)
    again = ns.Program.from_text(to_text(program))
    assert again == program
    found = ns.Reasoner(again).query().detach()
    assert list(found) == ["not a", "a, b(3)", "a, b(1)", "a, b(2)", "b(1)"]
    with pytest.raises(RuleError) as caught:
        ns.Program.from_text(TEXT + "?- a, zz(X).")
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == ["NS201"]


def test_queries_are_read() -> None:
    assert parse_query("a").body is None
    assert parse_query("\\+ p(X)").each and not parse_query("\\+ p(1)").each
    assert parse_query("p(X), \\+ q(X, Y), r(_)").atom.args == parse_query("p(X), s").atom.args


def test_a_saved_model_keeps_its_questions(tmp_path: Path) -> None:
    model = reasoner(TEXT + "?- a, b(X).")
    model.save(tmp_path / "model")
    assert ns.Reasoner.load(tmp_path / "model").query().detach() == pytest.approx(model.query().detach())


def test_a_saved_problog_program_keeps_its_spelling(tmp_path: Path) -> None:
    model = reasoner("0.5::e(1,2). 0.3::p('A b'). 0.2::a.", "pl")
    model.queries = ("e(X,Y), p(_)", "\\+ a", "\\+ e(_,_)")
    model.save(tmp_path / "model")
    found = ns.Reasoner.load(tmp_path / "model").query().detach()
    assert found == pytest.approx(model.query().detach())
    assert list(found) == ["e(1,2), p(_)", "\\+a", "\\+e(1,2)"]


def test_a_forecast_of_bodies() -> None:
    assert reasoner().forecast("a, b(X)", "not b(X)").facts >= 4


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pl"
    path.write_text("0.5::a. 0.3::b(1). 0.2::b(2). c :- a, b(1). query(c).")
    words = ["query", str(path), "--query", "a, b(X)", "--query", "\\+ c", "--evidence", "\\+ b(2)", "--evidence", "a"]
    assert main(words) == 0
    assert capsys.readouterr().out.split("\n")[:3] == ["\\+c:     0.7", "a, b(1): 0.3", "a, b(2): 0"]
    assert main(["explain", str(path), "--query", "a, b(1)", "--evidence", "c"]) == 0
    assert "Given: c." in capsys.readouterr().out
    assert main(["query", str(path), "--evidence", "a, c"]) == 1
    assert "NS129" in capsys.readouterr().err


def test_the_programs_kept_are_few() -> None:
    model = reasoner("".join(f"0.5 :: p({k}). " for k in range(70)))
    for k in range(70):
        model.query(f"not p({k})")
    assert len(model.joint._asking) == 64
    assert isinstance(model.query("not p(3)").tags, torch.Tensor)
