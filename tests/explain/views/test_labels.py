"""Labels in the language asked for, in sentences and pages."""

from __future__ import annotations

import pytest

import neurosym as ns
from neurosym.lang.terms import LangString
from tests.explain.views.made import LABEL, care, iri

PILL = {"en": "pill", "de": "Pille", "de-ch": "Tablette", "fr": "comprimé", "ar": "حبة"}


def label(language: str, texts: dict[str, str]) -> str:
    triples = [(iri("x"), LABEL, LangString(text, tag) if tag else text) for tag, text in texts.items()]
    found = {ns.FactBase.from_triples(order).labels(language)[iri("x")] for order in (triples, triples[::-1])}
    (only,) = found  # the order of the triples does not matter
    return only


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", "Pille"), ("DE", "Pille"), ("de-AT", "Pille"), ("de-CH", "Tablette"), ("de_CH", "Tablette"),
        ("de-CH-1901", "Tablette"), ("fr-CA", "comprimé"), ("ar", "حبة"), ("it", "pill"), ("en-GB", "pill"),
        ("", "pill"), ("d", "pill"), ("det", "pill"),
    ],
)  # fmt: skip
def test_the_nearest_language(language: str, expected: str) -> None:
    assert label(language, PILL) == expected


@pytest.mark.parametrize(
    ("language", "texts", "expected"),
    [
        ("de-AT", {"de-ch": "CH", "": "plain", "en": "EN"}, "CH"),
        ("de", {"de-ch": "CH", "": "plain"}, "CH"),
        ("de", {"de-ch": "CH", "de-at": "AT"}, "AT"),
        ("de", {"de-ch-1901": "old", "de-ch": "CH"}, "CH"),
        ("zh-Hant-TW", {"zh": "ZH", "zh-hant": "Hant", "zh-hans": "Hans"}, "Hant"),
        ("it", {"": "plain", "en": "EN", "fr": "FR"}, "plain"),
        ("it", {"en-us": "US", "fr": "FR"}, "US"),
        ("it", {"fr": "FR", "es": "ES"}, "ES"),
        ("en", {"de": "DE", "": "plain"}, "plain"),
    ],
)
def test_what_it_falls_back_to(language: str, texts: dict[str, str], expected: str) -> None:
    assert label(language, texts) == expected


NAMES = {
    "ann": {"en": "Ann", "de": "Anna", "ar": "آن", "he": "אן"},
    "takes": {"en": "is on", "de": "nimmt", "ar": "تتناول"},
    "Patient": {"en": "patient", "de": "Patientin", "ar": "مريضة"},
    "warfarin": {"en": "warfarin", "de-de": "Marcumar", "ar": "وارفارين"},
}


def labelled() -> ns.Answers:
    return care(*((iri(n), LABEL, LangString(t, tag)) for n, texts in NAMES.items() for tag, t in texts.items()))


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", {"Ann is on warfarin", "Ann is a patient"}),
        ("de-AT", {"Anna nimmt Marcumar", "Anna is a Patientin"}),
        ("ar", {"آن تتناول وارفارين", "آن is a مريضة"}),
        ("he", {"אן is on warfarin", "אן is a patient"}),
    ],
)
def test_individuals_properties_and_classes(language: str, sentences: set[str]) -> None:
    why = ns.explain(labelled(), "ex:at_risk(ex:ann)", language=language)
    assert sentences <= {n.label for n in why.nodes.values()}
    for sentence in sentences:
        assert sentence in why.to_text() and sentence in why.to_html()
    assert any(s.because.startswith(why.claim.label.split()[0]) for s in why.steps)  # the expert's sentence, too


def test_text_from_right_to_left_is_kept_apart_from_its_neighbours() -> None:
    page = ns.explain(labelled(), "ex:at_risk(ex:ann)", language="ar").to_html()
    assert '<html lang="en">' in page  # the page's own words are English
    assert "<bdi>آن تتناول وارفارين</bdi>" in page
    assert "<h1><bdi>" in page


def test_a_label_is_not_markup() -> None:
    answers = care((iri("ann"), LABEL, LangString("<script>alert(1)</script>\u202e", "de")))
    page = ns.explain(answers, "ex:at_risk(ex:ann)", language="de").to_html()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;\ufffd" in page
