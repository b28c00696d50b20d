"""`neurosym test`: the tests that experts wrote."""

from __future__ import annotations

WARD = """
pred temperature(patient: symbol, celsius: float) .
pred on_antibiotics(patient: symbol) .
neural rash(p: symbol, kind: {none, red}) by rash_net .
rule fever_without_cover
  if temperature(?p, ?t) and ?t > 38.3 and not on_antibiotics(?p)
  then fever(?p) .
0.85 :: suspect(P, infection) :- fever(P).
suspect(P, allergy) :- temperature(P, _), rash(P, red).
query(suspect(P, D)).
"""
GOOD = """
test "fever" : given temperature(p1, 39.0) expect fever(p1) expect suspect(p1, infection) = 0.85 .
test "covered" : given temperature(p1, 39.0), on_antibiotics(p1) expect not suspect(p1, _) .
test "perhaps covered" : given temperature(p1, 39.0), 0.2 :: on_antibiotics(p1) expect suspect(p1, infection) = 0.68 .
test "networks are closed" : given temperature(p1, 37.0) expect not suspect(p1, allergy) .
test "a given neural fact" : given temperature(p1, 37.0), 0.3 :: rash(p1, red) expect suspect(p1, _) = 0.3 .
test "only here" : given seen(p1) expect seen(p1) .
test "not there" : expect not seen(p1) .
"""


def test_all_pass(cli, file):
    path = file("ward.rules", WARD + GOOD)
    found = cli("test", path, "-q")
    assert (found.status, found.out) == (0, "")
    assert "7 passed" in cli("test", path).out
    assert all(t["passed"] for t in cli("test", path, "--json").json["tests"])


def failure(cli, file, test: str) -> str:
    found = cli("test", file("ward.rules", WARD + GOOD + test))
    assert found.status == 1
    assert "FAIL  bad" in found.out
    assert "7 passed, 1 failed" in found.out
    return found.out.split("FAIL  bad")[1]


def test_what_failed_and_why(cli, file):
    said = failure(cli, file, 'test "bad" : given temperature(p1, 39.0) expect not suspect(p1, _) .')
    assert "expected 0, got 0.85 for suspect(p1, infection)" in said
    assert "ward.rules:19" in said
    assert "derived by `ward.rules:8`" in said


def test_the_missing_condition_is_named(cli, file):
    said = failure(cli, file, 'test "bad" : given temperature(p1, 39.0) expect fever(p2) .')
    assert "got 0, not derived" in said
    assert "rule `fever_without_cover` needs temperature(p2, ?t)" in said
    assert "what does follow: fever(p1) = 1" in said


def test_the_blocking_fact_is_named(cli, file):
    said = failure(cli, file, 'test "bad" : given temperature(p1, 39.0), on_antibiotics(p1) expect fever(p1) .')
    assert "because on_antibiotics(p1) holds" in said


def test_a_failed_comparison(cli, file):
    assert "a comparison fails" in failure(cli, file, 'test "bad" : given temperature(p1, 37.0) expect fever(p1) .')


def test_no_rule_concludes_it(cli, file):
    said = failure(cli, file, 'test "bad" : given temperature(p1, 39.0) expect suspect(p1, flu) .')
    assert "no rule or fact concludes suspect/2 for these arguments" in said


def test_a_pattern_without_a_match(cli, file):
    said = failure(cli, file, 'test "bad" : given temperature(p1, 37.0) expect suspect(_, infection) .')
    assert "got no match" in said


def test_every_match_counts(cli, file):
    said = failure(cli, file, 'test "bad" : given 0.5 :: seen(a), 0.6 :: seen(b) expect seen(_) = 0.5 .')
    assert "got 0.6 for seen(b)" in said


def test_json_of_a_failure(cli, file):
    path = file("ward.rules", WARD + 'test "bad" : given temperature(p1, 37.0) expect fever(p1) .')
    found = cli("test", path, "--json")
    assert found.status == 1
    (test,) = found.json["tests"]
    assert (test["name"], test["passed"], test["error"]) == ("bad", False, None)
    (check,) = test["expectations"]
    assert (check["atom"], check["expected"], check["got"], check["passed"]) == ("fever(p1)", 1, 0, False)


def test_evidence_of_the_file_counts_and_an_impossible_one_fails_the_test(cli, file):
    text = "0.5 :: a. 0.5 :: b. c :- a, b. evidence(c). evidence(d(1)) .\nd(X) :- e(X).\npred e(x: int) .\n"
    path = file("a.rules", text + 'test "with" : given e(1) expect a .\ntest "without" : expect a .\n')
    found = cli("test", path)
    assert found.status == 1
    assert "ok    with" in found.out
    assert "FAIL  without" in found.out
    assert "NS502" in found.out


def test_files_without_tests_say_so(cli, file):
    one, two = file("one.rules", "p(a).\n"), file("two.rules", 'test "p" : expect p(a) .\n')
    found = cli("test", one, two)
    assert found.status == 0
    assert f"{one}: no tests" in found.out
    assert "1 passed" in found.out
    assert cli("test", one).status == 0


def test_faulty_rules(cli, file):
    found = cli("test", file("a.rules", "p(X).\n"), "--json")
    assert found.status == 1
    assert found.json["tests"] == []
    assert found.json["diagnostics"]
