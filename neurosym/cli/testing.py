"""`test`: the tests that experts wrote in their rule files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.session import ANSWERED, FAULTY, Json, Session

if TYPE_CHECKING:
    from neurosym.reasoner.tests_of import TestResult


def test_command(session: Session, files: Files, as_json: Json = False) -> int:
    """Run the tests that are written in rule files.

    Says what failed and why. Networks are not asked: a neural fact that is not given is false.
    """
    from neurosym.lang import parse_files

    session.payload["tests"] = []
    program = parse_files(files)
    session.report(program.warnings)
    results: list[TestResult] = []
    if program.tests:  # a file without tests needs no engine
        from neurosym.reasoner.tests_of import run_tests

        with output.progress("tests", len(program.tests), session.settings.quiet) as step:
            for result in run_tests(program, limits=session.limits(), seed=session.settings.seed):
                results.append(result)
                step()
    tested = {result.test.span.file for result in results}
    failed = [result for result in results if not result.passed]
    if as_json:
        session.answer({**session.payload, "tests": [_row(r) for r in results]})
        return FAULTY if failed else ANSWERED
    for result in results:
        if not result.passed or not session.settings.quiet:
            _show(result)
    if not session.settings.quiet:
        for file in files:
            if file not in tested:
                output.show(f"{file}: no tests")
        passed = len(results) - len(failed)
        output.show(f"{passed} passed" + (f", {len(failed)} failed" if failed else ""))
    return FAULTY if failed else ANSWERED


def _show(result: TestResult) -> None:
    output.show(f"{'ok  ' if result.passed else 'FAIL'}  {result.test.name}  ({result.place})")
    if result.error is not None:
        output.show("      " + str(result.error).replace("\n", "\n      "))
    for check in result.checks:
        if not check.passed:
            got = "no match" if check.got is None else f"{check.got:.8g}" + ("" if check.match else ", not derived")
            where = f" for {check.match}" if check.match and check.match != check.atom else ""
            output.show(f"      {check.place}: {check.atom}: expected {check.expected:.8g}, got {got}{where}")
            if check.reason:
                output.show(f"        {check.reason}")


def _row(result: TestResult) -> dict[str, Any]:
    checks = [
        {
            "atom": c.atom, "expected": c.expected, "got": c.got, "match": c.match, "passed": c.passed,
            "reason": c.reason, "line": c.line,
        }
        for c in result.checks
    ]  # fmt: skip
    span = result.test.span
    return {
        "name": result.test.name,
        "file": span.file,
        "line": span.line,
        "passed": result.passed,
        "error": None if result.error is None else result.error.diagnostic().to_json(),
        "expectations": checks,
    }
