"""The table of docs/explanation/semantics.md, entry by entry: the tag, or the code that refuses it."""

from __future__ import annotations

import pytest

import neurosym as ns

NAMES = ("exact", "viterbi", "goedel", "product", "lukasiewicz", "boolean", "count", "sum-product", "topk")
CYCLE = "p(X, Y) :- e(X, Y). p(X, Z) :- p(X, Y), e(Y, Z). query(p(a, c))."
REFUSED = {
    "top K": ("neural d(p: any) by net top 5 . p(x). query(p(x)).", "NS902"),
    "sum of floats": ("0.5 :: p(a, 2.5). r(N) :- N = sum{ V, X : p(X, V) }. query(r(N)).", "NS420"),
    "average": ("0.5 :: p(a, 2). r(N) :- N = avg{ V, X : p(X, V) }. query(r(N)).", "NS420"),
    "negation through a cycle": ("0.5 :: q(a). a(X) :- q(X), not b(X). b(X) :- q(X), not a(X). query(a(a)).", "NS208"),
    "aggregate through a cycle": ("0.5 :: a(1). a(N) :- N = count{ Y : a(Y) }. query(a(1)).", "NS209"),
}
# the program, and what each of NAMES says of its query
TABLE = {
    "negation": (
        "0.3 :: q(a). r(a) :- not q(a). query(r(a)).",
        (0.7, 0.7, 0.7, 0.7, 0.7, 0, "NS501", 0.7, 0.7),
    ),
    "exception": (
        "0.5 :: p(a). 0.2 :: q(a). rule r if p(?x) then s(?x) . rule e exception to r if q(?x) . query(s(a)).",
        (0.4, 0.4, 0.5, 0.4, 0.3, 0, "NS501", 0.4, 0.4),
    ),
    "count is 1": (
        "0.5 :: p(a). 0.5 :: p(b). r(N) :- N = count{ X : p(X) }. query(r(1)).",
        (0.5, 0.25, 0.5, 0.4375, 0, 0, "NS501", 0.5, 0.5),
    ),
    "maximum is 2": (
        "0.5 :: p(a, 2). 0.4 :: p(b, 3). r(N) :- N = max{ V : p(X, V) }. query(r(2)).",
        (0.3, 0.3, 0.5, 0.3, 0.1, 0, "NS501", 0.3, 0.3),
    ),
    "exists": (
        "0.5 :: p(a). 0.4 :: p(b). r :- exists{ p(X) }. query(r).",
        (0.7, 0.5, 0.5, 0.7, 0.9, 1, 2, 0.9, 0.7),
    ),
    "positive cycle": (
        f"0.5 :: e(a, b). 0.6 :: e(b, a). 0.7 :: e(b, c). 0.4 :: e(a, c). {CYCLE}",
        (0.61, 0.4, 0.5, 0.6968858, 0.6, 1, "NS510", 1.0714286, 0.61),
    ),
    "certain positive cycle": (
        f"e(a, b). e(b, a). e(b, c). {CYCLE}",
        (1, 1, 1, 1, 1, 1, "NS510", "NS510", 1),
    ),
    "either head": (
        "0.4 :: h; 0.6 :: t. r :- h. r :- t. query(r).",
        (1, 0.6, 0.6, 0.76, 1, 1, 2, 1, 1),
    ),
    "both heads": (
        "0.4 :: h; 0.6 :: t. r :- h, t. query(r).",
        (0, 0.24, 0.4, 0.24, 0, 1, 1, 0.24, 0),
    ),
    "evidence": (
        "0.4 :: a. 0.5 :: b. c :- a. c :- b. evidence(c). query(a).",
        (4 / 7, *["NS503"] * 7, 4 / 7),
    ),
}  # fmt: skip
# lower and upper of a query that rests on something unknown
OPEN = "pred u(x: symbol) open . n(a). 0.4 :: c. 0.5 :: d. "
UNKNOWN = {
    "helps": ("r(X) :- n(X), c, u(X). query(r(a)).", ((0, 0.4),) * 5 + ((0, 1), (0, 1), (0, 0.4), "NS531")),
    "harms": ("r(X) :- n(X), c, not u(X). query(r(a)).", ((0, 0.4),) * 5 + ((0, 1), "NS501", (0, 0.4), "NS531")),
    "does both": (
        "r(X) :- n(X), c, u(X). r(X) :- n(X), d, not u(X). query(r(a)).",
        ((0.4, 0.5),) * 5 + ((1, 1), "NS501", (0.4, 0.5), "NS531"),
    ),
    "is observed": ("r(X) :- n(X), c, u(X). query(r(a)). evidence(u(a)).", ((0.4, 0.4), *["NS503"] * 7, "NS531")),
    "is shared with what is observed": (
        "e :- c. e :- d, u(a). query(c). evidence(e).", ((4 / 7, 1), *["NS503"] * 7, "NS531"),
    ),
}  # fmt: skip
# what `bounds` says of the same programs: lower and upper
BOUNDS = {
    "negation": (0.7, 0.7), "exception": (0.3, 0.3), "count is 1": (0, 0), "maximum is 2": (0.1, 0.1),
    "exists": (0.5, 0.9), "positive cycle": (0.4, 0.6), "certain positive cycle": (1, 1), "either head": (0.6, 1),
    "both heads": (0, 0), "evidence": (0.4, 0.4), "helps": (0, 0.4), "harms": (0, 0.4), "does both": (0, 0.9),
    "is observed": (0.4, 0.4),
}  # fmt: skip
ENTRIES = [(what, *pair) for what, (_, row) in TABLE.items() for pair in zip(NAMES, row, strict=True)]


def said(text: str, semantics: str) -> float | str:
    """The tag of the only query, or the code of the refusal."""
    try:
        answers = ns.Reasoner(ns.Program.from_text(text), semantics=semantics).query()
    except ns.RuleError as error:
        return next(d.code for d in error.diagnostics if d.severity == "error")
    except ns.NeurosymError as error:
        return error.code
    return float(answers.tags[0, 0])


@pytest.mark.parametrize(("what", "name", "expected"), ENTRIES)
def test_entry(what: str, name: str, expected: float | str) -> None:
    found = said(TABLE[what][0], name)
    assert found == (expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("what", "name", "expected"),
    [(what, *pair) for what, (_, row) in UNKNOWN.items() for pair in zip(NAMES, row, strict=True)],
)
def test_unknown(what: str, name: str, expected: tuple[float, float] | str) -> None:
    reasoner = ns.Reasoner(ns.Program.from_text(OPEN + UNKNOWN[what][0]), semantics=name)
    if isinstance(expected, str):
        with pytest.raises(ns.NeurosymError) as caught:
            reasoner.query()
        assert caught.value.code == expected
        return
    answers = reasoner.query()
    assert (float(answers.lower[0, 0]), float(answers.upper[0, 0])) == pytest.approx(expected)


@pytest.mark.parametrize("what", REFUSED)
def test_refused_under_every_semantics(what: str) -> None:
    text, code = REFUSED[what]
    for name in (*NAMES, "bounds"):
        assert said(text, name) == code


@pytest.mark.parametrize(("what", "expected"), BOUNDS.items())
def test_bounds(what: str, expected: tuple[float, float]) -> None:
    text = TABLE[what][0] if what in TABLE else OPEN + UNKNOWN[what][0]
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query()
    assert (float(answers.lower[0, 0]), float(answers.upper[0, 0])) == pytest.approx(expected, abs=1e-6)
    assert [c.diagnostic().code for c in answers.contradictions] == (["NS541"] if what == "evidence" else [])


@pytest.mark.parametrize("name", NAMES)
def test_constraints_are_no_part_of_other_semantics(name: str) -> None:
    text = "0.5 :: p(a). q(a). constraint c: forall X: q(X) implies p(X) . forbid f : p(X), q(X) . query(p(a))."
    assert said(text, name) == said("0.5 :: p(a). query(p(a)).", name)


def test_impossible_evidence() -> None:
    for name in ("exact", "topk"):
        assert said("0.4 :: a. b :- a, not a. evidence(b). query(a).", name) == "NS502"
