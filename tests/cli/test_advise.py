"""`advise`: three sentences and a table, or one JSON object; exit statuses."""

from __future__ import annotations


def test_sentences_and_table(cli, smokers):
    found = cli("advise", smokers)
    assert found.status == 0 and found.err == ""
    first, second, third, blank, head, *rows = found.out.splitlines()
    assert first.startswith("Use `exact`: ") and second.startswith("Grounding took ")
    assert third.endswith("refuse evidence (NS503).")
    assert blank == "" and head.split()[:4] == ["semantics", "answers", "first", "again"]
    assert rows[0].startswith("exact") and "5 of 5" in rows[0]
    assert any("NS503: " in row for row in rows)


def test_json(cli, smokers):
    found = cli("advise", smokers, "--json", "--query", "asthma(1)", "--seconds", "5")
    assert set(found.json) == {"advice", "diagnostics"}
    advice = found.json["advice"]
    assert set(advice) == {"semantics", "sentences", "numbers", "trials"}
    assert advice["semantics"] == "exact" and len(advice["sentences"]) == 3
    assert advice["numbers"]["answers"] == 1


def test_facts_and_evidence(cli, file):
    rules = file("a.rules", "0.5 :: likes(X, Y) :- knows(X, Y). query(likes(X, Y)).")
    knows = file("knows.csv", "a,b\nann,bob\nbob,cem\n")
    found = cli("advise", rules, "--facts", knows, "--evidence", "likes(ann, bob)", "--json")
    assert found.json["advice"]["numbers"]["observed"] == 1
    assert found.json["advice"]["numbers"]["answers"] == 2


def test_statuses(cli, file):
    assert cli("advise", file("none.rules", "a :- b. b.")).status == 2
    assert cli("advise", file("broken.rules", "a :- b")).status == 1
    impossible = cli("advise", file("e.rules", "0.5 :: a. b :- a. query(b). evidence(a). evidence(\\+b)."), "--json")
    assert impossible.status == 1 and impossible.json["advice"] is None
    assert impossible.json["diagnostics"][0]["code"] == "NS502"
    large = cli("advise", file("large.rules", "n(0). n(Y) :- n(X), Y is X + 1. query(n(X))."))
    assert large.status == 0 and large.out.startswith("No semantics can be advised yet")
    assert len(large.out.splitlines()) == 3
