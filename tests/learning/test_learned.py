"""A program with learned weights, as a syntax tree and as text."""

from __future__ import annotations

import pytest

import neurosym as ns
from neurosym.errors import ModelError
from neurosym.learning import learned_program, learned_text

RULES = """% kept
t(_) :: a.  % so is this
rule fever
  weight 0.5 learn
  source "t(0.5) :: x"
  if   a
  then b .
t(0.2) :: red(X); t(_) :: blue(X) :- ball(X).
0.4 :: c.
ball(1).
"""


def test_weights_are_written_over_the_old_ones():
    program = ns.Program.from_text(RULES)
    text = learned_text(program, [(0.25,), (0.75,), (0.125, 0.5)])
    assert text == (
        RULES.replace("t(_) :: a", "0.25 :: a")
        .replace("weight 0.5 learn", "weight 0.75")
        .replace("t(0.2) :: red(X); t(_)", "0.125 :: red(X); 0.5")
    )
    kept = learned_text(program, [(0.25,), (0.75,), (0.125, 0.5)], learnable=True)
    assert "t(0.25) :: a" in kept
    assert "weight 0.75 learn" in kept
    assert (
        ns.Program.from_text(text).statements == learned_program(program, [(0.25,), (0.75,), (0.125, 0.5)]).statements
    )


def test_a_text_that_cannot_be_edited_is_printed_anew():
    program = ns.Program.from_text('rule a\n  because "t(0.1) :: x weight 1 learn"\n  weight _ learn\n  then b .\n')
    text = learned_text(program, [(0.25,)])
    assert ns.Program.from_text(text).statements == learned_program(program, [(0.25,)]).statements


def test_several_files_become_one(tmp_path):
    (tmp_path / "one.rules").write_text('@include "two.rules" .\nt(_) :: a :- b.\n')
    (tmp_path / "two.rules").write_text("t(0.5) :: b.\n")
    program = ns.Program.from_file(tmp_path / "one.rules")
    again = ns.Program.from_text(learned_text(program, [(0.1,), (0.2,)]))
    assert ns.Reasoner(again).query("a", "b").detach() == {"a": pytest.approx(0.02), "b": pytest.approx(0.1)}


def test_exceptions_keep_their_weights():
    text = "rule r weight 0.9 learn if p then q .\nrule e exception to r weight 0.5 learn if s .\np.\ns.\n"
    program = ns.Program.from_text(text)
    reasoner = ns.Reasoner(program)
    weights = [(0.1,) if p.label == "e" else (0.8,) for p in reasoner.learnable]
    again = ns.Reasoner(learned_program(program, weights))
    assert again.query("q").detach() == {"q": pytest.approx(0.8 * 0.9)}


def test_a_dialect_that_has_no_words_for_it():
    program = ns.Program.from_text('rule r weight _ learn because "so" if p then q .\np.\n')
    with pytest.raises(ModelError) as error:
        learned_text(program, [(0.5,)], "pl")
    assert error.value.code == "NS720"
