"""Tables meet rules: columns are matched by name, cells take the prefixes that the rules and the data declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import neurosym as ns
from neurosym.errors import FactError, GroundingError
from neurosym.grounding import ground, ground_samples
from neurosym.grounding.tables import matched
from neurosym.lang import Iri, Symbol, Value, parse_text

VISITS = "pred visit(patient: symbol, dose: int, day: int) . overdose(P) :- visit(P, D, _), D > 100."
ANN, BOB = Symbol("ann"), Symbol("bob")
EX = "http://e.example/"
Csv = Callable[..., ns.FactBase]


@pytest.fixture
def csv(tmp_path: Path) -> Csv:
    """The facts of a table, in a folder of its own."""

    def read(text: str, name: str = "visit.csv", folder: str = "a") -> ns.FactBase:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / name
        path.write_text(text, "utf-8")
        return ns.FactBase.from_csv(path)

    return read


def program(text: str, facts: ns.FactBase) -> ns.Program:
    return parse_text(text, "ward.rules", facts_predicates=facts.predicates)


def rows(text: str, facts: ns.FactBase, name: str = "visit", arity: int = 3) -> list[tuple[Value, ...]]:
    return matched(program(text, facts), facts)[0].lookup(name, (None,) * arity)


@pytest.mark.parametrize(
    "header", ["patient,day,dose", "Patient,Day, DOSE ", "﻿patient,day,dose", "patient;day;dose", "patient\tday\tdose"]
)
def test_columns_are_matched_by_name(csv: Csv, header: str) -> None:
    mark = next((m for m in ";\t" if m in header), ",")
    facts = csv(f"{header}\n{mark.join(['ann', '365', '5'])}\n")
    assert rows(VISITS, facts) == [(ANN, 5, 365)]
    assert ns.Reasoner(program(VISITS, facts), facts).query("overdose(P)").atoms == ()
    assert len(ground(program(VISITS, facts), facts).rows) and matched(program(VISITS, facts), facts)[1] == ()


def test_other_names_stand_by_their_position(csv: Csv) -> None:
    facts = csv("who,mg,when\nann,365,5\n")
    assert rows(VISITS, facts) == [(ANN, 365, 5)]
    assert rows("overdose(P) :- visit(P, D, _), D > 100.", facts) == [(ANN, 365, 5)], "not declared"


def test_some_names_at_their_place_are_a_warning(csv: Csv) -> None:
    facts = csv("patient,amount,day\nann,365,5\n")
    reasoner = ns.Reasoner(program(VISITS, facts), facts)
    (warning,) = reasoner.warnings
    assert warning.code == "NS309" and "`amount` as `dose`" in warning.message and "visit.csv" in warning.message
    assert "ward.rules:1" in warning.note
    assert reasoner.query("overdose(P)").atoms == ("overdose(ann)",)


@pytest.mark.parametrize("header", ["patient,day,amount", "day,patient,day", "dose,who,when"])
def test_names_at_another_place_are_an_error(csv: Csv, header: str) -> None:
    facts = csv(f"{header}\nann,365,5\n")
    with pytest.raises(FactError) as caught:
        ns.Reasoner(program(VISITS, facts), facts)
    assert (
        caught.value.code == "NS308"
        and "visit.csv" in caught.value.message
        and "visit(patient, dose, day)" in caught.value.note
    )


def test_two_tables_of_one_predicate_and_given_facts(csv: Csv) -> None:
    """Rows that look alike are not one fact while their columns stand in different orders."""
    one, two = csv("patient,day,dose\nann,365,5\n"), csv("patient,dose,day\nann,365,5\n", folder="b")
    given = ns.FactBase.from_facts([("visit", (ANN, 365, 5)), ("visit", (BOB, 1, 2))])
    for facts in (one + two + given, given + one + two, two + (given + one)):
        assert sorted(map(str, rows(VISITS, facts))) == sorted(map(str, [(ANN, 5, 365), (ANN, 365, 5), (BOB, 1, 2)]))
        made, _ = matched(program(VISITS, facts), facts)
        assert len(made) == 3 and matched(program(VISITS, facts), made)[0] is made
        assert made.sha256() == ns.FactBase.from_facts(list(made)).sha256()
        table = made.tables["visit", 3]
        assert all(str(made.places[p]) in ("given", *(f"{h.file}:2" for h in facts.headers)) for p in table.places)


def test_updates_samples_and_predictions_are_matched(csv: Csv) -> None:
    text = VISITS + " seen(P) :- visit(P, _, _)."
    facts, more = csv("patient,day,dose\nann,365,5\n"), csv("day,patient,dose\n1,bob,200\n", folder="b")
    reasoner = ns.Reasoner(program(text, facts), facts)
    reasoner.update(added=more)
    assert reasoner.query("overdose(P)").atoms == ("overdose(bob)",)
    reasoner.update(removed=csv("dose,patient,day\n200,bob,1\n", folder="c"))
    assert reasoner.query("overdose(P)").atoms == ()
    assert ns.Reasoner(program(text, facts)).predict(more, "overdose(P)").atoms == ("overdose(bob)",)
    samples = [facts, more]
    found = reasoner.over(ns.FactBase()).query_samples("overdose(bob)", samples=samples)
    assert [float(found.alone(k)["overdose(bob)"]) for k in range(2)] == [0, 1]
    assert ground_samples(program(text, facts), samples).count == 2


def test_a_data_frame_has_a_header_too() -> None:
    frame = pd.DataFrame({"patient": ["ann"], "day": [365], "dose": [5]})
    assert rows(VISITS, ns.FactBase.from_pandas(frame, "visit")) == [(ANN, 5, 365)]
    chosen = ns.FactBase.from_pandas(frame, "visit", ["patient", "day", "dose"])
    assert rows(VISITS, chosen) == [(ANN, 365, 5)], "the caller chose the order"


LEASES = f"@prefix ex: <{EX}> . pred lease(tenant: ex:Tenant, flat: any, note: string) . l(T) :- lease(T, _, _)."


def test_cells_take_declared_prefixes(csv: Csv) -> None:
    facts = csv("flat,tenant,note\nex:f1,ex:ada,ex:note\nother:f2,bob,b b\n", "lease.csv")
    assert rows(LEASES, facts, "lease") == [(Iri(EX + "ada"), Iri(EX + "f1"), "ex:note"), (BOB, "other:f2", "b b")]
    graph = ns.FactBase(prefixes={"other": "http://o.example/"}) + facts
    assert rows(LEASES, graph, "lease")[1][1] == Iri("http://o.example/f2")
    assert facts.lookup("lease", ("ex:f1", None, None)), "the fact base itself stays as it was"


def test_a_prefix_of_two_meanings_is_none(csv: Csv) -> None:
    facts = ns.FactBase(prefixes={"ex": "http://o.example/"}) + csv("tenant,flat,note\nbob,ex:f,b b\n", "lease.csv")
    assert rows(LEASES, facts, "lease") == [(BOB, "ex:f", "b b")]


def test_prefixed_names_of_an_undeclared_predicate_are_text_and_said_to_be(csv: Csv) -> None:
    facts = csv("tenant\nex:ada\n", "late.csv")
    made, (warning,) = matched(program(f"@prefix ex: <{EX}> . l(T) :- late(T).", facts), facts)
    assert made is facts and warning.code == "NS311"
    assert "`ex:ada` in the column `tenant`" in warning.message and f"<{EX}ada>" in warning.help


@pytest.mark.parametrize(
    ("type_", "cell", "help"),
    [
        ("symbol", "<http://e.example/ada>", "`any`, or a class"),
        ("symbol", "t:ada", "`any`, or a class"),
        ("ex:Tenant", "t:ada", "declare the prefix `t:` in the rules, or write the IRI in full, `<http://…/ada>`"),
        ("float", '"1,5"', "`1.5`"),
    ],
)
def test_what_to_write_in_a_cell_that_does_not_fit(csv: Csv, type_: str, cell: str, help: str) -> None:
    facts = csv(f"tenant\n{cell}\n", "late.csv")
    text = f"@prefix ex: <{EX}> . pred late(tenant: {type_}) . l(T) :- late(T)."
    with pytest.raises(GroundingError) as caught:
        ground(program(text, facts), facts)
    assert caught.value.code == "NS425" and help in caught.value.help
