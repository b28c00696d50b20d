"""The text view: sentences first, plain, and deaf to what is hidden in strings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurosym.explain.model import Claim, Explanation
from neurosym.explain.report.text import explanation_text
from neurosym.explain.report.wording import amount, measure, percent, sentence, signed
from tests.explain.samples import addition, diagnosis


def test_the_answer_and_its_main_reason_come_first():
    text = explanation_text(diagnosis())
    first = " ".join(text.split("\n\n")[0].split("Note:")[0].split())
    assert first == (
        "Mass 214 is malignant: 94.1% (probability), mainly because mass 214 has large nuclei and an irregular "
        "outline, and no benign pattern."
    )


def test_it_tells_proofs_leaves_contributions_warnings_and_provenance():
    text = explanation_text(diagnosis())
    for part in (
        "Why (this proof alone: 79.9%)", "Also, proof 2", "nuclei_threshold says true", "radius_worst = 24.99 µm",
        "absent, all facts and rules were searched", "3 signs of malignancy in mass 214, 80.3%", "+24.0", "−0.4",
        "need not add up", "3 of 7 proofs are shown", "weight 0.934, learned (was 0.900)", "seed 7", "tumour.rules:14",
    ):  # fmt: skip
        assert part in text
    assert max(map(len, text.splitlines())) <= 100
    assert "otherwise: 8 2.1%" in explanation_text(addition())


def test_it_is_the_model_s_own_view():
    assert str(addition()) == addition().to_text() == explanation_text(addition())


def test_markup_and_control_characters_stay_text():
    nasty = "[bold red]x[/] :smile: \x1b[31m \u202e \ud800"
    sample = addition()
    text = explanation_text(replace(sample, claim=replace(sample.claim, label=nasty), warnings=(nasty,)))
    assert "[bold red]x[/] :smile:" in text
    assert not set(text) & {"\x1b", "\u202e", "\ud800"}


def test_nothing_was_found():
    sample = addition()
    empty = replace(
        sample, proofs=(), nodes={}, steps=(), rules=(), contributions=(), claim=replace(sample.claim, probability=0.0)
    )
    assert "0% (probability). No rule, fact or network supports it." in explanation_text(empty)


def test_a_deep_proof_does_not_exhaust_the_stack():
    text = explanation_text(deep(5000))
    assert "… 4,998 steps in a row like this one, down from level 1, to:" in text and "level 4999" in text


def deep(depth: int) -> Explanation:
    """A chain of facts, each from the next."""
    sample = addition()
    node, step = sample.nodes["n0"], sample.steps[0]
    nodes = {f"d{k}": replace(node, id=f"d{k}", atom=f"level({k})", label=f"level {k}") for k in range(depth + 1)}
    steps = tuple(replace(step, node=f"d{k}", body=(f"d{k + 1}",)) for k in range(depth))
    proof = replace(sample.proofs[0], root="d0", steps=tuple(range(depth)))
    return replace(sample, nodes=nodes, steps=steps, proofs=(proof,))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.873, "87.3%"),
        (1e-6, "under 0.1%"),
        (1 - 1e-6, "over 99.9%"),
        (float("nan"), "unknown"),
    ],
)
def test_percent(value: float, text: str):
    assert percent(value) == text


def test_signed():
    assert [signed(x) for x in (0.0, 0.25, -0.034, 1e-5, -1e-5)] == ["±0", "+25.0", "−3.4", "under +0.1", "under −0.1"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("it rains", "It rains."),
        ("It rains!", "It rains!"),
        ("sum(a, b, 7)", "sum(a, b, 7)."),
        ("a shows", "a shows."),
        ("", ""),
    ],
)
def test_sentence(text: str, result: str):
    assert sentence(text) == result


@pytest.mark.parametrize(
    ("semantics", "value", "shown", "words"),
    [
        ("exact", 0.5, "50.0%", "probability"),
        ("count", 1200, "1,200", "derivations"),
        ("boolean", 1.0, "yes", "it follows from the rules"),
        ("lukasiewicz", 0.7, "0.700", "degree of truth"),
        ("viterbi", 0.7, "70.0%", "probability of the best proof"),
    ],
)
def test_a_number_says_what_it_is(semantics: str, value: float, shown: str, words: str):
    claim = Claim("a", "a", value, value, value, semantics, "", "")
    assert (amount(claim), measure(claim)) == (shown, words)


def test_bounds():
    claim = Claim("a", "a", 0.42, 0.41, 0.43, "topk", "bounds", "")
    assert amount(claim) == "41.0% – 43.0%"
