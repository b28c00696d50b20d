"""The normal form of plain facts is that of all rules, and their terms get the same ids."""

import pytest

from neurosym.errors import RuleError
from neurosym.facts import SymbolTable
from neurosym.grounding.normalise import normalise
from neurosym.lang import parse_atom, parse_text, plain_facts

PRED = "@prefix x: <http://x/> . pred p(a: any, b: any) from x:p ."
TEXTS = {
    "certain": "p(1). p(2.0). p(2). p(true). p(a). p('a'). p(\"a\"). q(X) :- p(X).",
    "weighted": "0.3::e(a, b). 0.4::e(b, c). 1::e(c, d). 0::e(d, e). query(e(X, Y)).",
    "twice": "0.3::e(a, b). 0.4::e(b, c). 0.5::e(a, b). query(e(X, Y)).",
    "also derived": "0.3::e(a, b). 0.4::e(b, c). e(X, X) :- e(X, _). 0.2::f(a).",
    "certain and weighted": "0.3::e(a, b). e(a, b). e(b, c). 0.4::e(c, d).",
    "learned": "t(0.3)::e(a). t(_)::e(b). 0.2::e(c). e(d).",
    "expressions": "1/3::e(a). 0.2::e(b). e(1 + 1). e(3).",
    "several": "0.2::e(a); 0.3::e(b). 0.4::e(c). e(d). rain. 0.5::sun.",
    "exceptions": "e(a). rule r if e(X) then f(X) . rule s exception to r if g(X) . g(a). 0.3::g(b).",
    "names of RDF": f"{PRED} p(a, b). 0.3::p(b, c). x:p(a, c). q(a).",
    "triples": f"{PRED} p(a, b). 0.3::p(b, c). s(X) :- triple(X, P, Y).",
    "classes": "@prefix x: <http://x/> . x:C(a). triple(a, rdf:type, x:D). 0.3::q(a). rdf:type(b, x:C).",
    "open": "pred p(a: symbol) open . p(a). 0.3::p(b). q(a). r(X) :- q(X), p(X).",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_normal_form_of_plain_facts(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _normal(text)
    monkeypatch.setattr(
        plain_facts,
        "plain_facts",
        lambda rules: plain_facts.PlainFacts((None,) * len(rules), frozenset(), tuple(rules)),
    )
    assert found == _normal(text)


def _normal(text: str) -> object:
    program, symbols = parse_text(text), SymbolTable()
    try:
        core = normalise(program, symbols, [parse_atom("e(X, b)")])
    except RuleError as error:
        return error.diagnostics
    return [repr(value) for value in vars(core).values()], list(map(repr, symbols.all()))
