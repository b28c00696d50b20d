"""`neurosym query --json` under each semantics, to the letter of docs/reference/commands.md; and the exit statuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

ANSWER = {
    "atom": str,
    "probability": (int, float),
    "lower": (int, float),
    "upper": (int, float),
    "method": str,
    "detail": str,
}
DIAGNOSTIC = {
    "code": str, "severity": str, "message": str, "file": (str, type(None)), "line": (int, type(None)),
    "column": (int, type(None)), "end_column": (int, type(None)), "note": str, "help": str,
}  # fmt: skip
EXACT = {"certain", "sum-product", "circuit"}
ALGEBRAS = ("boolean", "count", "viterbi", "goedel", "product", "lukasiewicz", "sum-product")
METHODS = {
    "exact": EXACT, "topk": {"certain", "bounds"}, "bounds": {"certain", "bounds"},
    **{name: {"certain", "algebra"} for name in ALGEBRAS},
}  # fmt: skip
RULES = """
known.
0.8 :: fever. 0.6 :: cough. 0.7 :: shadow.
ill :- fever, cough.
ill :- fever, shadow.
pred patient(x: symbol) .
well(X) :- patient(X), cured(X).
pred cured(x: symbol) .
"""
ASKED = ("ill", "known", "well(nobody)")
# lower, probability, upper of `ill`
ILL = {
    "exact": (0.704, 0.704, 0.704), "topk": (0.704, 0.704, 0.704), "bounds": (0.5, 0.7, 0.9), "boolean": (1, 1, 1),
    "count": (2, 2, 2), "viterbi": (0.56, 0.56, 0.56), "goedel": (0.7, 0.7, 0.7), "product": (0.7712,) * 3,
    "lukasiewicz": (0.9, 0.9, 0.9), "sum-product": (1.04, 1.04, 1.04),
}  # fmt: skip


def queries(*atoms: str) -> list[str]:
    return [word for atom in atoms for word in ("--query", atom)]


def typed(row: dict[str, Any], fields: dict[str, Any]) -> None:
    """A JSON object has these fields in this order, each of its type; no number is a truth value."""
    assert list(row) == list(fields)
    for name, kind in fields.items():
        assert isinstance(row[name], kind) and not isinstance(row[name], bool), name


@pytest.mark.parametrize("semantics", METHODS)
def test_answers(cli, file, semantics):
    found = cli("query", file("a.rules", RULES), "--semantics", semantics, *queries(*ASKED), "--json")
    assert found.status == 0
    assert list(found.json) == ["semantics", "answers", "diagnostics"]
    assert found.json["semantics"] == semantics
    rows = {row["atom"]: row for row in found.json["answers"]}
    assert list(rows) == sorted(ASKED)
    for row in rows.values():
        typed(row, ANSWER)
        assert row["method"] in METHODS[semantics]
    ill = rows["ill"]
    assert (ill["lower"], ill["probability"], ill["upper"]) == pytest.approx(ILL[semantics])
    assert rows["known"]["probability"] == rows["known"]["lower"] == rows["known"]["upper"] == 1
    absent = rows["well(nobody)"]  # not derivable, and asked for by name
    assert (absent["lower"], absent["probability"], absent["upper"]) == (0, 0, 0)


@pytest.mark.parametrize("semantics", METHODS)
def test_one_object_in_full_precision(cli, file, semantics):
    found = cli(
        "query", file("a.rules", "0.1 :: a. 0.7 :: b. p :- a, b. query(p)."), "--semantics", semantics, "--json"
    )
    decoder = json.JSONDecoder()
    payload, end = decoder.raw_decode(found.out)
    assert found.out[end:] == "\n"
    value = payload["answers"][0]["probability"]
    assert repr(value) in found.out
    if semantics in ("exact", "viterbi", "product"):
        assert value == 0.1 * 0.7  # to the last digit


@pytest.mark.parametrize("semantics", METHODS)
def test_warnings_are_in_the_object_and_on_standard_error(cli, file, semantics):
    text = "p(a, b). 0.5 :: q(X) :- p(X, Y). query(q(a))."
    found = cli("query", file("a.rules", text), "--semantics", semantics, "--json")
    assert found.status == 0
    assert found.json["answers"][0]["atom"] == "q(a)"
    assert found.json["diagnostics"]
    for row in found.json["diagnostics"]:
        typed(row, DIAGNOSTIC)
        assert row["severity"] == "warning"
        assert f"warning[{row['code']}]" in found.err
        assert row["file"].endswith("a.rules") and row["line"] == 1 and 1 <= row["column"] < row["end_column"]


STATUSES = {
    "faulty rules": (1, "p(X) :- q(Y). query(p(a)).", [], "NS"),
    "impossible evidence": (1, "0.5 :: a. b :- a, not a. evidence(b). query(a).", [], "NS502"),
    "evidence that is not defined": (1, "0.5 :: a. evidence(a). query(a).", ["--semantics", "viterbi"], "NS503"),
    "negation that is not defined": (1, "0.5 :: a. b :- not a. query(b).", ["--semantics", "count"], "NS501"),
    "unknown atoms that are not": (1, "pred a open . b :- a. query(b).", ["--semantics", "topk"], "NS531"),
    "no semantics of this name": (2, "a. query(a).", ["--semantics", "vague"], "NS505"),
    "nothing asked": (2, "a.", [], "NS615"),
    "a cycle that does not settle": (
        3, "e(a, b). e(b, a). p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), e(Y, Z). query(p(a, b)).",
        ["--semantics", "count"], "NS510",
    ),
    "too many facts": (
        3, "n(0). n(Y) :- n(X), X < 500, Y = X + 1. query(n(500)).", ["--max-facts", "100"], "NS4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", STATUSES)
def test_exit_statuses(cli, file, what):
    status, text, words, code = STATUSES[what]
    found = cli("query", file("a.rules", text), *words, "--json")
    assert found.status == status
    assert list(found.json) == ["semantics", "answers", "diagnostics"]
    assert found.json["semantics"] == (words[1] if words[:1] == ["--semantics"] else "exact")
    assert found.json["answers"] == []
    errors = [row for row in found.json["diagnostics"] if row["severity"] == "error"]
    assert errors and errors[0]["code"].startswith(code)
    for row in found.json["diagnostics"]:
        typed(row, DIAGNOSTIC)
    assert f"error[{errors[0]['code']}]" in found.err


@pytest.mark.parametrize("semantics", METHODS)
def test_contradictions_and_unknown_atoms(cli, file, semantics):
    """Answers between two numbers have the method `bounds`, whichever semantics gives them."""
    if semantics == "topk":
        return  # NS531, above
    text = "pred u(x: symbol) open . n(a). 0.4 :: c. r(X) :- n(X), c, u(X). query(r(a))."
    found = cli("query", file("a.rules", text), "--semantics", semantics, "--json")
    (row,) = found.json["answers"]
    typed(row, ANSWER)
    assert (row["method"], row["lower"]) == ("bounds", 0)
    assert row["upper"] == pytest.approx(1 if semantics in ("boolean", "count") else 0.4)
    assert row["probability"] == pytest.approx((row["lower"] + row["upper"]) / 2)
    assert row["detail"]


@pytest.mark.parametrize("word", ["--no-such-option", "--k=0", "--width=2"])
def test_wrong_usage(cli, file, word):
    assert cli("query", file("a.rules", "a. query(a)."), "--semantics", "topk", word).status == 2
