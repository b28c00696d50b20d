"""`learn-rules` and `data`."""

from __future__ import annotations

import re

TRIPLES = "".join(
    f"p{k}\tparent\tp{k + 10}\n" + (f"p{k}\tbrother\tp{k + 1}\np{k}\tuncle\tp{k + 11}\n" if k % 2 == 0 else "")
    for k in range(20)
)


def test_rules_learned_edited_and_learned_again(cli, tmp_path):
    graph, out = tmp_path / "kin.tsv", tmp_path / "kin.rules"
    graph.write_text(TRIPLES, "utf-8")
    words = ("learn-rules", graph, "--target", "uncle", "--out", out, "--seconds", "5", "--confidence", "0.5")
    found = cli(*words)
    assert found.status == 0, found.err
    text = out.read_text("utf-8")
    assert re.search(r"body_\w+\(X, Y\) :- brother\(X, V1\), parent\(V1, Y\)", text)
    assert "likely_parent" not in text
    assert cli("check", out).status == 0
    names = re.findall(r"rule (mined_\w+)", text)
    keep = text.index(f"rule {names[-1]}")
    # the expert deletes the last rule, and trusts the first less
    out.write_text(re.sub(r"weight [0-9.]+", "weight 0.11", text[:keep], count=1), "utf-8")
    assert cli(*words).status == 0
    again = out.read_text("utf-8")
    assert f"rule {names[-1]}" not in again and "weight 0.11" in again


def test_what_cannot_be_learned_from_is_said(cli, tmp_path):
    graph = tmp_path / "kin.tsv"
    graph.write_text(TRIPLES, "utf-8")
    found = cli("learn-rules", graph, "--target", "uncel", "--out", tmp_path / "x.rules")
    assert found.status == 1 and "NS934" in found.err and "did you mean `uncle`?" in found.err
    assert not (tmp_path / "x.rules").exists()
    turtle = tmp_path / "g.ttl"
    turtle.write_text("<http://e.x/a> <http://e.x/age> 7 .", "utf-8")
    found = cli("learn-rules", turtle)
    assert found.status == 1 and "NS932" in found.err and "1 facts with a literal" in found.err
    found = cli("learn-rules", turtle, graph)
    assert found.status == 1 and "NS936" in found.err


def test_data_sets_are_listed_and_a_slip_is_told(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path))
    found = cli("data", "list")
    assert found.status == 0 and "umls: Unified Medical Language System" in found.out
    assert str(tmp_path) in found.err
    found = cli("data", "get", "ulms")
    assert found.status == 1 and "NS940" in found.err and "did you mean `umls`?" in found.err
