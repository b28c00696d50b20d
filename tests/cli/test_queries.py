"""`query`, `explain`, `verify`: the contract of docs/reference/commands.md to the letter."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurosym.cli.watch import Watch, resident_megabytes

ROOT = Path(__file__).parents[2]
KEYS = {"atom", "probability", "lower", "upper", "method", "detail"}
METHODS = {"certain", "sum-product", "circuit", "bounds", "algebra"}
SMOKES_1 = 0.5087719298245614  # problog 2.3 on the same file
TURTLE = """@prefix ex: <http://e.example/> .
ex:ann a ex:Patient ; ex:temperature 39.5 .
ex:bob a ex:Patient ; ex:temperature 36.5 .
"""
FEVER = """@prefix ex: <http://e.example/> .
rule fever if ex:Patient(?p) and ex:temperature(?p, ?t) and ?t > 38.3 and ward(?p, ?w) then fever(?p, ?w) .
"""


def test_plain_answers_are_sorted_and_aligned(cli, smokers):
    found = cli("query", smokers)
    assert found.status == 0
    assert found.err == ""
    assert found.out.splitlines() == [
        "asthma(1): 0.20350877",
        "asthma(2): 0.4",
        "smokes(1): 0.50877193",
        "smokes(3): 0.44",
        "smokes(4): 0.44",
    ]


def test_numbers_count_in_the_order(cli, file):
    found = cli("query", file("a.rules", "p(10). p(9). p(b). query(p(X))."))
    assert [line.split(":")[0] for line in found.out.splitlines()] == ["p(9)", "p(10)", "p(b)"]


def test_what_fails_quietly_is_counted(cli, file):
    path = file(
        "a.rules",
        'a(X) :- p(X), X > 3. p("9"). p(4). p(5). b(Z) :- p(X), X != "9", Z = X / 0. query(a(X)). query(b(X)).',
    )
    found = cli("query", path, "--json")
    assert found.status == 0
    assert [row["atom"] for row in found.json["answers"]] == ["a(4)", "a(5)"]
    messages = [d["message"] for d in found.json["diagnostics"] if d["code"] == "NS412"]
    assert any("unlike types: 1 time while" in m for m in messages)
    assert "warning[NS412]" in found.err


def test_json_is_the_contract(cli, smokers):
    found = cli("query", smokers, "--query", "smokes(1)", "--query", "smokes(99)", "--json")
    assert found.status == 0
    assert set(found.json) == {"semantics", "answers", "diagnostics"}
    assert found.json["semantics"] == "exact"
    first, absent = found.json["answers"]
    assert set(first) == set(absent) == KEYS
    assert first["probability"] == first["lower"] == first["upper"] == pytest.approx(SMOKES_1, abs=1e-15)
    assert '"probability": 0.508771929824561' in found.out
    assert (absent["atom"], absent["probability"]) == ("smokes(99)", 0)
    assert {first["method"], absent["method"]} <= METHODS


def test_json_of_faulty_rules(cli, file):
    found = cli("query", file("a.rules", "p(X) :- q(Y).\np(a b).\n"), "--json")
    assert found.status == 1
    assert set(found.json) == {"semantics", "answers", "diagnostics"}
    assert found.json["answers"] == []
    errors = [d for d in found.json["diagnostics"] if d["severity"] == "error"]
    assert {d["line"] for d in errors} == {1, 2}
    assert set(errors[0]) == {"code", "severity", "message", "file", "line", "column", "end_column", "note", "help"}
    assert "error[" in found.err


def test_warnings_are_in_the_json_and_on_standard_error(cli, file):
    path = file("a.rules", "p(a).\nq(X) :- p(X), p(Y).\nquery(q(a)).\n")
    found = cli("query", path, "--json")
    assert found.status == 0
    assert [d["severity"] for d in found.json["diagnostics"]] == ["warning"]
    assert "warning[" in found.err
    assert cli("query", path, "--quiet").err == ""


def test_several_files_and_facts(cli, file):
    rules = [file("fever.rules", FEVER), file("ask.rules", "query(fever(P, W)).\n")]
    facts = [
        "--facts",
        file("ward.ttl", TURTLE),
        "--facts",
        file("ward.csv", "patient,ward\n<http://e.example/ann>,east\n"),
    ]
    found = cli("query", *rules, *facts)
    assert (found.status, found.out) == (0, "fever(ex:ann, east): 1\n")
    assert cli("query", *rules, *facts, "--query", "fever(ex:bob, W)").out == ""
    assert cli("query", *rules, *facts, "--query", "fever(ex:bob, east)").out == "fever(ex:bob, east): 0\n"


@pytest.mark.parametrize("name", ["boolean", "viterbi", "goedel", "product", "lukasiewicz", "sum-product"])
def test_other_semantics(cli, file, name):
    path = file("a.rules", "0.5::a. 0.5::b. c :- a. c :- b. query(c).")
    found = cli("query", path, "--semantics", name, "--json")
    assert found.status == 0
    assert found.json["semantics"] == name
    assert found.json["answers"][0]["method"] == "algebra"


# ------------------------------------------------------------------------------------------------------- faults


def test_an_unknown_predicate(cli, smokers):
    found = cli("query", smokers, "--query", "smoke(1)", "--json")
    assert found.status == 1
    assert found.json["diagnostics"][0]["code"] == "NS616"
    assert "did you mean `smokes`?" in found.err


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["--query", "smokes(("], "NS1", 1),
        (["--semantics", "magic"], "NS505", 2),
        (["--semantics", "product"], "NS503", 1),
        (["--facts", "gone.ttl"], "NS301", 1),
        (["--facts", "gone.csv"], "NS301", 1),
        (["--facts", "gone"], "NS301", 1),
    ],
)
def test_faults_have_codes_and_one_object(cli, smokers, words, code, status):
    found = cli("query", smokers, *words, "--json")
    assert found.status == status
    assert found.json["answers"] == []
    assert found.json["diagnostics"][0]["code"].startswith(code)
    assert f"error[{code}" in found.err


def test_nothing_asked_is_wrong_usage(cli, file):
    found = cli("query", file("a.rules", "p(a).\n"))
    assert found.status == 2
    assert "NS615" in found.err


def test_broken_turtle_names_its_line(cli, file):
    path = file("broken.ttl", TURTLE + "ex:ann ex:temperature .\n")
    found = cli("query", file("a.rules", "query(a).  a."), "--facts", path)
    assert found.status == 1
    assert f"{path}:4" in found.err


def test_a_missing_network(cli, file):
    path = file("a.rules", "neural lit(p: symbol) by lamp .\nroom(hall).\non(R) :- room(R), lit(R).\nquery(on(R)).\n")
    found = cli("query", path)
    assert found.status == 1
    assert "error[NS601]" in found.err
    assert "`lamp`" in found.err


def test_text_from_data_is_not_markup(cli, file):
    path = file("a.rules", 'says("[bold red]hi[/] \x1b[2J"). query(says(X)).')
    found = cli("query", path)
    assert "[bold red]hi[/]" in found.out
    assert "\x1b" not in found.out
    assert json.loads(cli("query", path, "--json").out)["answers"][0]["atom"] == 'says("[bold red]hi[/] \x1b[2J")'


# ------------------------------------------------------------------------------------------------------- limits


CHAIN = "edge(0, 1). edge(X, Y) :- edge(W, X), between(0, 400, Y).\nquery(edge(0, 1)).\n"


@pytest.mark.parametrize("words", [["--max-facts", 1000], ["--max-firings", 1000], ["--max-seconds", 0]])
def test_limits(cli, file, words):
    found = cli("query", file("a.rules", CHAIN), *words, "--json")
    assert found.status == 3
    assert found.json["diagnostics"][-1]["code"].startswith("NS41")


def test_the_memory_limit(cli, smokers, monkeypatch):
    assert 1 < resident_megabytes() < 100_000
    monkeypatch.setattr("neurosym.cli.queries.load_reasoner", lambda *_: time.sleep(5))
    found = cli("query", smokers, "--max-memory", 1)
    assert found.status == 3
    assert "error[NS419]" in found.err


def test_the_watch_leaves_quick_work_alone():
    handler = signal.getsignal(signal.SIGUSR1)
    with Watch(3600, 0) as watch:
        assert 3599 < watch.left <= 3600
    assert watch.hit is None
    assert signal.getsignal(signal.SIGUSR1) == handler


def test_ctrl_c(file, tmp_path):
    rules = "n(0). n(Y) :- n(X), Y is X + 1, Y < 3000000.\nquery(n(2999999)).\n"
    path = file("a.rules", rules)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        [sys.executable, "-m", "neurosym", "query", str(path), "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    time.sleep(8)  # loading takes two or three of them
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out) == (130, "")
    assert "Traceback" not in err


# ------------------------------------------------------------------------------------------- explain and verify


def test_explain_and_verify(cli, smokers, tmp_path):
    found = cli("explain", smokers, "--query", "smokes(1)", "--json", "--proofs", 2)
    assert found.status == 0
    assert found.json["claim"]["probability"] == pytest.approx(SMOKES_1, abs=1e-12)
    assert len(found.json["proofs"]) == 2
    certificate = tmp_path / "why.json"
    certificate.write_text(found.out, "utf-8")
    verified = cli("verify", certificate)
    assert verified.status == 0
    assert "smokes(1)" in verified.out
    row = cli("verify", certificate, "--json").json["answers"][0]
    assert set(row) == KEYS
    assert row["probability"] == pytest.approx(SMOKES_1, abs=1e-9)
    wrong = {**found.json, "claim": {**found.json["claim"], "probability": 0.9}}
    certificate.write_text(json.dumps(wrong), "utf-8")
    refused = cli("verify", certificate)
    assert refused.status == 1
    assert "error[NS821]" in refused.err


def test_explain_as_text_and_page(cli, smokers, tmp_path):
    found = cli("explain", smokers, "--query", "smokes(X)")
    assert found.status == 0
    assert "smokes(2)" in found.out
    assert "4 answers match" in found.err
    assert cli("explain", smokers, "--query", "smokes(1)", "--html", tmp_path / "why.html").status == 0
    assert "smokes(1)" in (tmp_path / "why.html").read_text("utf-8")
    assert cli("explain", smokers, "--query", "smokes(1)", "--html", tmp_path / "no" / "why.html").status in (0, 1)


def test_explain_by_other_contributions(cli, smokers):
    words = ("explain", smokers, "--query", "smokes(1)", "--contributions")
    found = cli(*words, "leave-one-out, shapley,gradient", "--json").json
    total = sum(c["shapley"] or 0 for c in found["contributions"]) + found["shares"]["rest"]
    assert total == pytest.approx(found["claim"]["probability"] - found["shares"]["baseline"], abs=1e-9)
    assert any(c["gradient"] for c in found["contributions"])
    assert "Shapley shares add up to" in " ".join(cli(*words, "shapley").out.split())
    assert cli(*words, "none", "--json").json["contributions"] == []
    wrong = cli(*words, "shap")
    assert wrong.status == 2 and "leave-one-out, gradient, shapley, or none" in " ".join(wrong.err.split())


def test_explain_why_not_and_what_would_change_it(cli, file):
    rules = file("w.rules", "hot(P) :- fever(P, T), T > 38.0.\nfever(ann, 37.6). fever(bob, 38.2).")
    words = ("explain", rules, "--query", "hot(ann)")
    found = cli(*words, "--changeable", "fever(ann, _)", "--json").json
    assert found["why_not"][0]["failed"][0]["missed_by"] == pytest.approx(0.4)
    assert found["changes"][0]["moves"][0]["to"] == "fever(ann, 38.1)"
    assert cli("explain", rules, "--query", "hot(bob)", "--json").json["why_not"] == []
    assert cli(*words, "--threshold", "0", "--json").json["why_not"] == []
    refused = cli(*words, "--changeable", "fever(")
    assert refused.status == 1 and "NS845" in refused.err


def test_explain_what_cannot_be_derived(cli, smokers):
    assert cli("explain", smokers, "--query", "smokes(99)", "--json").json["claim"]["probability"] == 0
    found = cli("explain", smokers, "--query", "friend(9, X)")
    assert found.status == 1
    assert "error[NS802]" in found.err


@pytest.mark.parametrize("text", [None, "", "{}", "[1, 2]", '{"certificate": 3}', "nonsense"])
def test_bad_certificates(cli, tmp_path, text):
    path = tmp_path / "why.json"
    if text is not None:
        path.write_text(text, "utf-8")
    found = cli("verify", path, "--json")
    assert found.status == 1
    assert found.json["answers"] == []
    assert found.json["diagnostics"][0]["code"] == "NS810"


def test_an_answer_that_rests_on_something_unknown(cli, tmp_path):
    rules = tmp_path / "ward.rules"
    rules.write_text("pred u(x: symbol) open . n(a). 0.4 :: r(X) :- n(X), u(X). query(r(a)). query(n(a)).", "utf-8")
    assert cli("query", rules).out.splitlines() == ["n(a): 1", "r(a): between 0 and 0.4 (unknown: u(a))"]
    row = cli("query", rules, "--query", "r(a)", "--json").json["answers"][0]
    assert (row["method"], row["lower"], row["upper"], row["probability"]) == ("bounds", 0, 0.4, 0.2)
    why = tmp_path / "why.json"
    why.write_text(cli("explain", rules, "--query", "r(a)", "--json").out, "utf-8")
    row = cli("verify", why, "--json").json["answers"][0]
    assert (row["method"], row["lower"], row["upper"]) == ("bounds", 0, 0.4)
    why.write_text(why.read_text("utf-8").replace('"upper": 0.4', '"upper": 0.5'), "utf-8")
    assert cli("verify", why).status == 1


# ----------------------------------------------------------------------------------------- long groundings


LONG = "pairs(X, Y) :- a(X), a(Y), a(Z), a(W), X + Y + Z + W < 0.\na(X) :- between(1, 3000, X).\nquery(pairs(X, Y)).\n"


def _worked(process: int) -> float:
    """CPU seconds of a process."""
    times = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sends SIGINT, opens a terminal, and reads /proc")
@pytest.mark.parametrize("words", [["query", "--json"], ["query", "--quiet"], ["ground", "--json"]])
def test_ctrl_c_and_progress_on_a_terminal(file, words):
    """Progress on the terminal alone, none if quiet; Ctrl-C ends with 130, says where, and shows no traceback."""
    import pty

    command, *options = words
    near, far = pty.openpty()
    line = [sys.executable, "-m", "neurosym", command, str(file("a.rules", LONG)), *options]
    with subprocess.Popen([*line, "--max-firings", str(10**12)], stdout=subprocess.PIPE, stderr=far) as run:
        os.close(far)
        shown, began, sent = b"", time.monotonic(), 0.0
        while True:
            # what is quiet says nothing that could be waited for: it has begun once it has worked for some seconds
            begun = _worked(run.pid) > 6 if "--quiet" in words else b"round 0" in shown
            if not sent and (begun or time.monotonic() - began > 120):
                sent = time.monotonic()
                run.send_signal(signal.SIGINT)
            if select.select([near], [], [], 0.1)[0]:
                try:
                    shown += os.read(near, 65536)
                except OSError:  # the other end is closed
                    break
        assert run.stdout is not None
        out, status = run.stdout.read(), run.wait(timeout=30)
    os.close(near)
    assert (status, out) == (130, b"")
    assert b"Traceback" not in shown and b"interrupted; in rule `a.rules:" in shown
    assert (b"round 0" in shown) == ("--quiet" not in words)


@pytest.mark.parametrize("demand", [True, False])
def test_no_demand_grounds_everything(cli, file, demand):
    path = file("a.rules", "n(0). n(X) :- n(Y), X is Y + 1.\np(1).\nquery(p(1)).\n")
    for command in (["query"], ["explain", "--query", "p(1)"]):
        found = cli(*command, path, "--max-facts", 100, *([] if demand else ["--no-demand"]))
        assert found.status == (0 if demand else 3)


def test_a_suffix_that_rdf_is_not_written_in(cli, smokers, tmp_path):
    found = cli("explain", smokers, "--query", "smokes(2)", "--rdf", tmp_path / "why.pdf")
    assert found.status == 1 and "error[NS862]" in found.err and ".ttl" in found.err
    assert not (tmp_path / "why.pdf").exists()


def test_verify_of_another_file_says_what_it_reads(cli, smokers, file):
    for path in (smokers, file("why.html", "<!doctype html>"), file("why.json", "{}")):
        found = cli("verify", path)
        assert found.status == 1 and "this is not an explanation's JSON" in found.err
        assert "do not rely on" not in found.err


def test_how_deep_why_not_looks(cli, file):
    rules = file("w.rules", "a(X) :- b(X).\nb(X) :- c(X).\nc(X) :- d(X).\nd(1).")
    below = {}
    for depth in ("1", "3"):
        found = cli("explain", rules, "--query", "a(2)", "--depth", depth, "--json").json
        below[depth] = found["why_not"][0]["failed"][0]["below"]
    assert below["1"] == [] and below["3"][0]["failed"][0]["below"][0]["failed"][0]["text"] == "d(2)"
