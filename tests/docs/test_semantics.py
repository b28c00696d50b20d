"""The table of docs/explanation/semantics.md, entry by entry: the tag, or the code that refuses it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.semantics.algebras.semirings import ABSORPTIVE, COMPLEMENT, DISTRIBUTIVE, IDEMPOTENT

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


class MaxMin(ns.Semiring):
    """An algebra of one's own that has all that the table asks for."""

    name = "max-min"
    properties = frozenset({IDEMPOTENT, ABSORPTIVE, DISTRIBUTIVE, COMPLEMENT})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.maximum(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.minimum(a, b)

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a


class Total(ns.Semiring):
    """One that has neither a complement nor a fixpoint on cycles of weight 1."""

    name = "total"
    properties = frozenset({DISTRIBUTIVE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


# the two algebras above; what differs from `goedel` and `sum-product` is that nothing else is known of them
OWN = {
    "negation": (0.7, "NS501"), "exception": (0.5, "NS501"), "count is 1": (0.5, "NS501"),
    "maximum is 2": (0.5, "NS501"), "exists": (0.5, 0.9), "positive cycle": (0.5, 1.0714286),
    "certain positive cycle": (1, "NS510"), "either head": (0.6, 1), "both heads": (0.4, 0.24),
    "evidence": ("NS503", "NS503"), "helps": ((0, 0.4), (0, 0.4)), "harms": ((0, 0.4), "NS501"),
    "does both": ((0.4, 0.5), "NS501"), "is observed": ("NS503", "NS503"),
    "is shared with what is observed": ("NS503", "NS503"),
}  # fmt: skip
# cycles of which a semantics says that they may not settle
ENDLESS = {
    "product": "0.000000001 :: a. 0.999999999 :: b. p :- a. p :- p, b. query(p).",
    "sum-product": "0.5 :: a. 0.9 :: b. p :- a. p :- p, b. p :- q, b. q :- p. query(p).",
    "count": "0.5 :: a. p :- a. p :- p. query(p).",
}
ENTRIES = [(what, *pair) for what, (_, row) in TABLE.items() for pair in zip(NAMES, row, strict=True)]


def said(text: str, semantics: str | ns.Semiring | ns.TopK) -> float | str:
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


def test_the_rows_are_complete() -> None:
    """Each construct is tried under each semantics; the names are those of the table in the page, in its order."""
    assert set(OWN) == set(TABLE) | set(UNKNOWN)
    assert set(BOUNDS) == set(OWN) - {"is shared with what is observed"}  # its evidence is no truth of an atom
    assert all(len(row) == len(NAMES) for _, row in (*TABLE.values(), *UNKNOWN.values()))


@pytest.mark.parametrize("what", OWN)
def test_algebras_of_ones_own(what: str) -> None:
    text = TABLE[what][0] if what in TABLE else OPEN + UNKNOWN[what][0]
    for algebra, expected in zip((MaxMin(), Total()), OWN[what], strict=True):
        if isinstance(expected, tuple):
            answers = ns.Reasoner(ns.Program.from_text(text), semantics=algebra).query()
            assert (float(answers.lower[0, 0]), float(answers.upper[0, 0])) == pytest.approx(expected)
        else:
            found = said(text, algebra)
            assert found == (expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-6)), algebra


@pytest.mark.parametrize("name", ENDLESS)
def test_cycles_that_do_not_settle(name: str) -> None:
    assert said(ENDLESS[name], name) == "NS510"
    for other in ("exact", "topk", "viterbi", "goedel", "boolean"):
        assert isinstance(said(ENDLESS[name], other), float)


def test_boolean_leaves_out_heads_without_weight() -> None:
    text = "0.5 :: a; 0.0 :: b. "
    assert [said(f"{text} query({atom}).", "boolean") for atom in "ab"] == [1, 0]


def test_evidence_without_a_proof() -> None:
    text = (
        "0.5 :: a(1). 0.5 :: a(2). 0.5 :: a(3). 0.5 :: a(4). n(N) :- N = count{ X : a(X) }. b :- n(4), not a(1). "
        "b :- n(2), a(1), a(4), a(3). b :- n(2), a(1), a(3). 0.5 :: c. d :- c, b. evidence(b). query(d)."
    )
    assert said(text, ns.TopK(k=1, width=0, max_k=1)) == "NS532"
    assert said(text, "topk") == said(text, "exact") == pytest.approx(0.5)


def test_unknown_atoms_that_are_too_many() -> None:
    atoms = " ".join(f"n({k})." for k in range(11))
    text = f"pred u(x: any) open . {atoms} r(N) :- N = count{{ X : n(X), u(X) }}. query(r(3))."
    for name in NAMES:
        assert said(text, name) == {"topk": "NS531", "count": "NS501"}.get(name, "NS506"), name
    for algebra, code in ((MaxMin(), "NS506"), (Total(), "NS501")):
        assert said(text, algebra) == code
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query()
    assert (float(answers.lower), float(answers.upper)) == (0, 1)


def test_constraints_take_part_under_bounds() -> None:
    text = "pred p(x: any) open . q(a). constraint c weight 0.9 : q(X) implies p(X) . "
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("p(a)")
    assert (float(answers.lower), float(answers.upper)) == pytest.approx((0.9, 1))
    against = ns.Reasoner(ns.Program.from_text(f"{text} constraint d : not p(a) ."), semantics="bounds").query("p(a)")
    assert [c.diagnostic().code for c in against.contradictions] == ["NS541"]


@pytest.mark.parametrize("semantics", [*NAMES, "bounds", MaxMin(), Total()])
def test_constraints_are_losses(semantics: str | ns.Semiring) -> None:
    """The exact probability whatever the semantics; the degree of the tags; and the refusal of what is unknown."""
    text = "0.8 :: a. 0.8 :: b. p :- a. p :- b. 0.3 :: h. constraint c : p implies h . "
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=semantics)
    assert float(reasoner.constraint_loss("semantic").satisfaction["c"]) == pytest.approx(1 - 0.96 * 0.7)
    degrees = {"exact": 0.34, "topk": 0.34, "bounds": 0.34, "product": 0.34, "viterbi": 0.5, "goedel": 0.5}
    degrees |= {"lukasiewicz": 0.3, "boolean": 1}
    if semantics in degrees:
        found = float(reasoner.constraint_loss("lukasiewicz").satisfaction["c"])
        assert found == pytest.approx(degrees[str(semantics)])
    unknown = "pred u open . 0.8 :: a. constraint c : a implies u . "
    for kind in ("semantic", "lukasiewicz"):
        with pytest.raises(ns.NeurosymError) as caught:
            ns.Reasoner(ns.Program.from_text(unknown), semantics=semantics).constraint_loss(kind)
        assert caught.value.code == "NS544"


def test_a_joint_query_is_a_body() -> None:
    text = "0.5 :: a. 0.4 :: b. p :- a. p :- b. q :- a, p. r :- not p. "
    for name in (*NAMES, "bounds"):
        asked, ruled = (ns.Reasoner(ns.Program.from_text(text), semantics=name).query(query) for query in ("a, p", "q"))
        assert float(asked.lower) == pytest.approx(float(ruled.lower)), name
        assert float(asked.upper) == pytest.approx(float(ruled.upper)), name


def test_the_page_has_a_row_for_each_semantics() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "semantics.md").read_text("utf-8")
    heads = ("| name | meaning", "| | negation |", "| | open predicate")
    tables = [page[page.index(head) :].partition("\n\n")[0] for head in heads]
    for name in (*NAMES, "bounds"):
        assert all(f"`{name}`" in table for table in tables), name
    assert all("your own" in table or "of your own" in table for table in tables)


@pytest.mark.parametrize("name", [*NAMES, "bounds"])
def test_evidence_counts_in_losses_as_in_queries(name: str) -> None:
    text = "0.5 :: a. p :- a. 0.5 :: b. constraint c : p implies b . evidence(a)."
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=name)
    assert float(reasoner.constraint_loss("semantic").satisfaction["c"]) == pytest.approx(0.5)
    if name in ("exact", "topk", "bounds"):
        assert float(reasoner.constraint_loss("lukasiewicz").satisfaction["c"]) == pytest.approx(0.5)
    else:
        with pytest.raises(ns.NeurosymError) as caught:
            reasoner.constraint_loss("lukasiewicz")
        assert caught.value.code == "NS503"
