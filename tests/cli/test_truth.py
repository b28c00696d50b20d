"""Labels of what is not derived: `audit --truth` and `report --truth`."""

from __future__ import annotations

from pathlib import Path

import pytest

import neurosym as ns

RULES = """
@prefix t: <http://t/> .
pred owes(tenant: t:Tenant, months: int) . pred hardship(tenant: t:Tenant) .
rule default weight 0.9 if owes(?t, ?m) and ?m >= 2 then evict(?t) .
rule social weight 0.7 if hardship(?t) then protected(?t) .
rule out if evict(?t) and not protected(?t) then leaves(?t) .
rule idle if owes(?t, ?m) and ?m > 100 then evict(?t) .
query(leaves(T)).
"""
OWES = "tenant,months\n<http://t/ada>,2\n<http://t/bea>,1\n<http://t/cem>,3\n"
TRUTH = "tenant,leaves\nt:ada,true\nt:bea,false\nleaves(t:cem),true\nt:zoe,false\n"


@pytest.fixture
def given(file, tmp_path: Path) -> tuple[Path, ...]:
    ns.Reasoner(ns.Program.from_text(RULES)).save(tmp_path / "model")
    return tmp_path / "model", file("owes.csv", OWES), file("hardship.csv", "tenant\n<http://t/ada>\n")


def test_a_labelled_atom_that_is_not_derived_is_an_answer_of_probability_0(cli, file, given) -> None:
    truth = file("truth.csv", TRUTH)
    for query in ((), ("--query", "leaves(T)")):
        found = cli("audit", *given, *query, "--truth", truth, "--json")
        assert found.status == 0, found.err
        audit = found.json["audit"]
        assert (audit["answers"], audit["labelled"], audit["right"]) == (3, 3, 2)  # cem at 0.9, and bea
        assert "t:zoe, which is neither an answer nor in the data: not counted" in " ".join(found.err.split())


def test_a_report_has_a_page_for_it_and_counts_it(cli, file, given, tmp_path) -> None:
    found = cli("report", *given, "--truth", file("truth.csv", TRUTH), "--out", tmp_path / "out", "--processes", "1")
    assert found.status == 0, found.err
    assert len(list((tmp_path / "out").iterdir())) == 4
    index = (tmp_path / "out" / "index.html").read_text()
    assert "right, of 3 whose truth is known" in index
    usage = index[index.index('class="usage') :]
    rows = {name: usage[usage.index(name) :].split("</tr>")[0] for name in ("social", "idle")}
    assert "in no shown proof" in rows["social"] and "never" not in rows["social"]
    assert "never" in rows["idle"]
