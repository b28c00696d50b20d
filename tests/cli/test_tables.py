"""CSV on the command line: columns by name, separators, tables and names that nothing knows."""

from __future__ import annotations

import pytest

RULES = """
pred visit(patient: symbol, dose: int, day: int) .
rule over if visit(?p, ?d, _) and ?d > 100 then overdose(?p) because "{p} got {d}" .
"""


@pytest.mark.parametrize(
    "text", ["patient,day,dose\nann,365,5\nbob,3,500\n", "dose;patient;day\n5;ann;365\n500;bob;3\n"]
)
def test_columns_are_matched_and_the_certificate_knows(cli, file, tmp_path, text):
    rules, facts = file("cs.rules", RULES), file("visit.csv", text)
    assert cli("query", rules, "--facts", facts, "--query", "overdose(P)").out == "overdose(bob): 1\n"
    found = cli("explain", rules, "--facts", facts, "--query", "overdose(bob)", "--json")
    assert found.status == 0 and found.json["verified"]
    path = tmp_path / "why.json"
    path.write_text(found.out, "utf-8")
    verified = cli("verify", path, "--rules", rules, "--facts", facts)
    assert verified.status == 0, verified.err
    assert cli("ground", rules, "--facts", facts).status == 0


def test_a_header_that_contradicts_is_refused(cli, file):
    found = cli("query", file("cs.rules", RULES), "--facts", file("visit.csv", "day,amount,patient\n3,5,ann\n"),
                "--query", "overdose(P)", "--json")  # fmt: skip
    assert found.status == 1
    (error,) = [d for d in found.json["diagnostics"] if d["severity"] == "error"]
    assert error["code"] == "NS308" and "visit.csv has the column `amount`" in error["message"]


@pytest.mark.parametrize("command", ["query", "ground"])
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("visit.csv", "patient|dose|day\nann|365|5\n", "visit.csv gives `visit/1`; the rules declare `visit/3`"),
        ("visit.csv", "patient,dose\nann,365\n", "visit.csv gives `visit/2`; the rules declare `visit/3`"),
        ("Visit.csv", "patient,dose,day\nann,365,5\n", "facts of `Visit/3` are used by no rule"),
        ("x.csv", "patient,dose,day\n", "facts of `x/3` are used by no rule"),
    ],
)
def test_a_file_that_nothing_reads_is_named(cli, file, command, name, text, said):
    found = cli(command, file("cs.rules", RULES), "--facts", file(name, text), "--query", "overdose(P)")
    assert found.status == 0
    assert "NS310" in found.err and said in found.err


def test_text_in_another_encoding_has_a_help(cli, file, tmp_path):
    path = tmp_path / "visit.csv"
    path.write_bytes("patient,dose,day\nJürgen,1,2\n".encode("cp1252"))
    found = cli("query", file("cs.rules", RULES), "--facts", path, "--query", "overdose(P)")
    assert found.status == 1 and "NS303" in found.err and "CSV UTF-8" in found.err


TENANCY = """
@prefix t: <http://t.example/> .
pred late(tenant: t:Tenant, months: int) .
rule evict if t:Tenant(?t) and late(?t, ?m) and ?m >= 2 then may_be_evicted(?t) .
"""


def test_a_misspelt_individual_is_said_to_be_unknown(cli, file, tmp_path):
    rules = file("tenancy.rules", TENANCY)
    graph = file("t.ttl", "@prefix t: <http://t.example/> . t:ada a t:Tenant .")
    table = file("late.csv", "months,tenant\n3,t:ada\n")
    words = (rules, "--facts", graph, "--facts", table)
    assert cli("query", *words, "--query", "may_be_evicted(T)").out == "may_be_evicted(t:ada): 1\n"
    found = cli("query", *words, "--query", "may_be_evicted(ada)", "--json")
    assert found.status == 0 and found.json["answers"][0]["probability"] == 0
    (warning,) = found.json["diagnostics"]
    assert warning["code"] == "NS619" and warning["message"] == "no fact or rule mentions `ada`"
    assert warning["help"] == "did you mean `t:ada`?"
    page = tmp_path / "why.html"
    found = cli("explain", *words, "--query", "may_be_evicted(ada)", "--html", page)
    assert found.status == 0 and "NS619" in found.err
    assert "did you mean `t:ada`?" in page.read_text("utf-8")
    assert cli("query", *words, "--query", "may_be_evicted(t:ada)").err.count("warning") == 0
