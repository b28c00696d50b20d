"""What ProbLog has and the language has not: each is refused by a code that names it, its place, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurosym as ns
from neurosym.errors import Diagnostic, RuleError
from neurosym.lang.prolog import BUILT_INS

CASES = [  # (statement, code, what the message names)
    ("l(X) :- p(X), q([a, b]).", "NS118", "nn(…)"),
    ("q([]).", "NS118", "nn(…)"),
    ("q([H|T]) :- p(H), p(T).", "NS118", "nn(…)"),
    ("l(X) :- member(X, [a,b]).", "NS118", "nn(…)"),
    ("l(X) :- p(X), append(X, a, Y), p(Y).", "NS146", "append/3"),
    ("l(N) :- p(X), length(X, N).", "NS146", "length/2"),
    ("q(f(a)).", "NS117", "f(…)"),
    ("q(X) :- p(s(X)).", "NS117", "s(…)"),
    ("q(1 + 1).", "NS117", "1 + 1"),
    ("q(X) :- X = 1 + 1.", "NS117", "1 + 1"),
    ("q(X+1) :- p(X).", "NS117", "X+1"),
    ("q :- 1+1 == 2.", "NS117", "1+1"),
    ("q(X) :- p(X), p(X+1).", "NS117", "X+1"),
    ("q(a/b).", "NS117", "a/b"),
    ("q(a-b).", "NS107", "a-b"),
    ("q(a:b).", "NS114", "a:"),
    ("q(X) :- p(X), X \\= X+1.", "NS117", "X+1"),
    ("q(X) :- p(X), !.", "NS119", "!"),
    ("q :- !, p(a).", "NS119", "!"),
    ("q :- (p(a), ! ; p(b)).", "NS119", "!"),
    ("q(X) :- p(X), assertz(r(X)).", "NS120", "assertz"),
    (":- assertz(r(a)).", "NS120", "assertz(r(a))"),
    ("q :- retract(p(a)).", "NS120", "retract"),
    ("q :- retractall(p(_)).", "NS120", "retractall"),
    ("q :- abolish(p/1).", "NS117", "p/1"),
    ("q(L) :- findall(X, p(X), L).", "NS122", "findall"),
    ("q(L) :- bagof(X, p(X), L).", "NS122", "bagof"),
    ("q(L) :- setof(X, p(X), L).", "NS122", "setof"),
    ("q :- forall(p(X), p(X)).", "NS122", "forall"),
    ("q(N) :- aggregate_all(count, p(_), N).", "NS122", "aggregate_all"),
    ("q :- (p(a) -> p(b) ; p(c)).", "NS149", "->"),
    ("q :- p(a) -> p(b).", "NS149", "->"),
    ("q :- (p(a) *-> p(b) ; p(c)).", "NS149", "->"),
    ("q(X) :- X is abc.", "NS148", "abc"),
    ("q(X) :- X is a + 1.", "NS148", "a"),
    ('q(X) :- X is "a" + 1.', "NS148", '"a"'),
    ("q(X) :- X is true + 1.", "NS148", "true"),
    ("q :- a < 1.", "NS148", "a"),
    ("q(X) :- X is random(3).", "NS147", "random"),
    ("q(X) :- X is cputime.", "NS148", "cputime"),
    ("q(X) :- X is 1 rdiv 2.", "NS146", "rdiv"),
    ("q(X) :- X is 5 xor 1.", "NS146", "xor"),
    ("q(X) :- X is 1 << 2.", "NS146", "<<"),
    ("q(X) :- X is 1 /\\ 2.", "NS146", "/\\"),
    ("q(X) :- X is gcd(4,2).", "NS147", "gcd"),
    (":- op(700, xfx, ===>).", "NS134", "op"),
    (":- dynamic p/1.", "NS134", "dynamic"),
    (":- dynamic(p/1).", "NS134", "dynamic(p/1)"),
    (":- discontiguous p/1.", "NS134", "discontiguous"),
    (":- initialization(main).", "NS134", "initialization(main)"),
    (":- table p/1.", "NS134", "table"),
    (":- module(m, [p/1]).", "NS134", "module(m, [p/1])"),
    (":- set_prolog_flag(double_quotes, codes).", "NS134", "set_prolog_flag(double_quotes, codes)"),
    (":- mode(p(+)).", "NS134", "mode"),
    (":- include('x.pl').", "NS134", "include('x.pl')"),
    ("q :- nb_setval(k, 1).", "NS146", "nb_setval/2"),
    ("q(X) :- b_getval(k, X).", "NS146", "b_getval/2"),
    ("q(N) :- p(X), atom_length(X, N).", "NS146", "atom_length/2"),
    ("q(Z) :- p(X), atom_concat(X, b, Z).", "NS146", "atom_concat/3"),
    ("q :- p(X), sub_atom(X, 0, 1, _, a).", "NS146", "sub_atom/5"),
    ('q(Z) :- p(X), string_concat(X, "b", Z).', "NS146", "string_concat/3"),
    ("q(L) :- p(X), atom_chars(X, L).", "NS146", "atom_chars/2"),
    ("q(N) :- p(X), atom_number(X, N).", "NS146", "atom_number/2"),
    ("q(N) :- p(X), number_codes(X, N).", "NS146", "number_codes/2"),
    ("q(N) :- p(X), upcase_atom(X, N).", "NS146", "upcase_atom/2"),
    ("q :- p(X), write(X).", "NS146", "write/1"),
    ("q :- p(_), nl.", "NS146", "nl/0"),
    ('q :- p(X), format("~w", [X]).', "NS146", "format/2"),
    ("q :- p(X), print(X).", "NS146", "print/1"),
    ("q(X) :- p(X), var(X).", "NS146", "var/1"),
    ("q(X) :- p(X), nonvar(X).", "NS146", "nonvar/1"),
    ("q(X) :- p(X), atom(X).", "NS146", "atom/1"),
    ("q(X) :- p(X), number(X).", "NS146", "number/1"),
    ("q(X) :- p(X), ground(X).", "NS146", "ground/1"),
    ("q(X) :- p(X), is_list(X).", "NS146", "is_list/1"),
    ("q :- call(p(a)).", "NS146", "call/1"),
    ("q :- call(p, a).", "NS146", "call/2"),
    ("q :- p(X), call(X).", "NS146", "call/1"),
    ("q :- once(p(_)).", "NS146", "once/1"),
    ("q :- ignore(p(a)).", "NS146", "ignore/1"),
    ("q :- p(X), X.", "NS125", "p(X)"),
    ("q(Y) :- p(X), succ(X, Y).", "NS146", "succ/2"),
    ("q(Z) :- p(X), plus(X, 1, Z).", "NS146", "plus/3"),
    ("q :- p(X), X @< b.", "NS146", "@<"),
    ("q(L) :- p(X), X =.. L.", "NS146", "=.."),
    ("q :- p(X), functor(X, F, N).", "NS146", "functor/3"),
    ("q(A) :- p(X), arg(1, X, A).", "NS146", "arg/3"),
    ("q(Y) :- p(X), copy_term(X, Y).", "NS146", "copy_term/2"),
    ("q(P) :- subquery(p(a), P).", "NS146", "subquery/2"),
    ("normal(0, 1) :: q.", "NS147", "normal"),
    ("q ~ normal(0, 1).", "NS146", "~"),
    ("? :: q.", "NS146", "?"),
    ("utility(p(a), 3).", "NS146", "utility/2"),
    ("s --> p, q.", "NS146", "-->"),
    ("q(0'a).", "NS146", "0'a"),
    ("q(100000000000000000000).", "NS112", "100000000000000000000"),
    ("q(X).", "NS202", "X"),
    ("q(X, Y) :- p(X).", "NS202", "Y"),
    ("\\+ q :- p(a).", "NS121", "a"),
    ("0.4 :: \\+ q.", "NS121", "a"),
    ("evidence(p(a), 0.7).", "NS128", "true"),
    ("q :- f(a) = f(b).", "NS117", "f(…)"),
    ("q :- halt.", "NS146", "halt/0"),
    ("q :- throw(x).", "NS146", "throw/1"),
    ("q :- catch(p(a), _, true).", "NS146", "catch/3"),
    ("q :- p(X), tab(2).", "NS146", "tab/1"),
    ("q(X) :- p(A), concat(A, b, X).", "NS201", "concat/3"),
    ("p(X)::q(X).", "NS147", "p"),
    ("0.7::q;0.6::r.", "NS211", "the"),
    ('q :- "abc".', "NS125", "p(X)"),
    ("q:-1.", "NS125", "p(X)"),
    ("q(S) :- sum_list([1,2], S).", "NS118", "nn(…)"),
    ("q(S) :- max_list(p, S).", "NS146", "max_list/2"),
    ("q(S) :- msort(p, S).", "NS146", "msort/2"),
]


def faults(statement: str) -> list[Diagnostic]:
    with pytest.raises(RuleError) as caught:
        ns.Program.from_text(f"p(a). p(b).\n{statement}", dialect="pl")
    return [d for d in caught.value.diagnostics if d.severity == "error"]


@pytest.mark.parametrize(("statement", "code", "named"), CASES, ids=[c[0][:40] for c in CASES])
def test_refused(statement: str, code: str, named: str) -> None:
    found = [d for d in faults(statement) if d.code == code]
    assert found, [d.render() for d in faults(statement)]
    (fault, *_) = found
    assert named in fault.message
    assert fault.span is not None and fault.span.line == 2
    assert fault.source == statement
    assert fault.help or code in ("NS112", "NS125", "NS202", "NS211"), "it says what to write instead"


@pytest.mark.parametrize("name", sorted(BUILT_INS))
def test_built_ins_of_prolog_are_refused_by_name(name: str) -> None:
    (fault,) = faults(f"q :- p(X), {name}(X).")
    assert (fault.code, fault.help) == ("NS146", BUILT_INS[name])
    assert f"`{name}/1`" in fault.message


@pytest.mark.parametrize("name", ["member", "number", "call", "length", "flag", "time", "read", "last"])
def test_a_program_may_define_what_prolog_has_built_in(name: str) -> None:
    program = ns.Program.from_text(f"0.5::{name}(1). q :- {name}(X), X > 0. query(q).", dialect="pl")
    assert ns.Reasoner(program).query().detach() == {"q": 0.5}


def test_a_consulted_file_may_define_it_too(tmp_path: Path) -> None:
    (tmp_path / "lib.pl").write_text("0.5::number(1).")
    (tmp_path / "main.pl").write_text(":- consult(lib). q :- number(X), X > 0. query(q).")
    assert ns.Reasoner(ns.Program.from_file(tmp_path / "main.pl")).query().detach() == {"q": 0.5}


def test_consult_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "out.pl").write_text("p.")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "main.pl").write_text(":- consult('../out.pl').")
    with pytest.raises(RuleError) as caught:
        ns.Program.from_file(tmp_path / "in" / "main.pl")
    assert [d.code for d in caught.value.diagnostics] == ["NS132"]


@pytest.mark.parametrize("library", ["library(lists)", "'functions.py'"])
def test_use_module_is_ignored_with_a_warning(library: str) -> None:
    program = ns.Program.from_text(f":- use_module({library}). p(a).", dialect="pl")
    assert [d.code for d in program.warnings] == ["NS133"]


def test_arithmetic_on_names_that_come_with_the_facts_counts_as_false() -> None:
    program = ns.Program.from_text("p(a). p(2). q(Y) :- p(X), Y is X+1. query(q(_)).", dialect="pl")
    answers = ns.Reasoner(program).query()
    assert answers.detach() == {"q(3)": 1.0}
    assert answers.grounded.graph.counters == {"arithmetic on something that is no number": 1}


def test_braces_and_functions_of_text_are_there() -> None:
    text = """p("a"). p("bc"). n(N) :- N = count{ X : p(X) }.
    q(Z) :- p(X), Z is concat(upper(X), "!"). l(N) :- p(X), N is length(X).
    query(n(_)). query(q(_)). query(l(_))."""
    found = ns.Reasoner(ns.Program.from_text(text, dialect="pl")).query().detach()
    assert found == {"n(2)": 1.0, 'q("A!")': 1.0, 'q("BC!")': 1.0, "l(1)": 1.0, "l(2)": 1.0}
