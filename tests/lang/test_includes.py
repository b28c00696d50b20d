"""Includes: read from the including file's folder only, each file once, faults at the directive."""

from pathlib import Path

import pytest

from neurosym.errors import RuleError
from neurosym.lang import Include, Program, parse_files, parse_text


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.rules").write_text(text, "utf-8")
    return folder / "main.rules"


def faults(path: Path) -> list[str]:
    with pytest.raises(RuleError) as caught:
        parse_files([path])
    return [d.code for d in caught.value.diagnostics]


def test_statements_follow_the_include(tmp_path):
    main = write(tmp_path, main='a(x).\n@include "other.rules" .\nc(x).', other="b(x).")
    program = Program.from_file(main)
    kinds = [s.path if isinstance(s, Include) else program.text_of(s)[0] for s in program.statements]
    assert kinds == ["a", "other.rules", "b", "c"]
    assert set(program.texts) == {str(main), str(tmp_path / "other.rules")}
    assert program.text_of(program.rules[1]) == "b(x)."


def test_prefixes_of_an_include_count_for_the_includer_and_the_other_way_round(tmp_path):
    main = write(
        tmp_path,
        main='a(ex:x, in:y).\n@include "other.rules" .\n@prefix ex: <http://e.example/> .',
        other="@prefix in: <http://i.example/> .\nb(ex:x).",
    )
    assert parse_files([main]).warnings == ()


def test_a_file_is_read_once(tmp_path):
    main = write(tmp_path, main='@include "a.rules" .\n@include "b.rules" .', a='@include "b.rules" .', b="f(x).")
    assert len(parse_files([main]).rules) == 1


def test_faults(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.rules").write_text("a.", "utf-8")
    assert faults(write(inner, main='@include "none.rules" .')) == ["NS130"]
    assert faults(write(inner, main='@include "../outside.rules" .')) == ["NS132"]
    assert faults(write(inner, main=f'@include "{tmp_path}/outside.rules" .')) == ["NS132"]
    assert faults(write(inner, main='@include "loop.rules" .', loop='@include "main.rules" .')) == ["NS131"]
    assert faults(tmp_path / "missing.rules") == ["NS130"]
    (tmp_path / "latin.rules").write_bytes("a('é').".encode("latin-1"))
    assert faults(tmp_path / "latin.rules") == ["NS130"]


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret.rules").write_text("a.", "utf-8")
    (inner / "link.rules").symlink_to(tmp_path / "secret.rules")
    assert faults(write(inner, main='@include "link.rules" .')) == ["NS132"]


def test_a_missing_include_makes_nothing_undefined(tmp_path):
    assert faults(write(tmp_path, main='@include "none.rules" .\na(X) :- from_there(X).')) == ["NS130"]


def test_consult_in_pl(tmp_path):
    (tmp_path / "facts.pl").write_text("p(1).", "utf-8")
    (tmp_path / "main.pl").write_text(":- consult(facts).\n:- consult('facts.pl').\nq(X) :- p(X).", "utf-8")
    assert len(parse_files([tmp_path / "main.pl"]).rules) == 2


def test_a_text_has_no_folder_unless_one_is_given(tmp_path):
    (tmp_path / "a.rules").write_text("p(1).", "utf-8")
    text = '@include "a.rules" .'
    assert len(parse_text(text, base_dir=tmp_path).rules) == 1
    with pytest.raises(RuleError):
        parse_text(text)
