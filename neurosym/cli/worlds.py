"""`mpe` and `sample`: the most probable world given evidence, and worlds drawn from the distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.queries import Evidence, Facts, NoDemand, load_reasoner
from neurosym.cli.session import ANSWERED, Json, Session

if TYPE_CHECKING:
    from neurosym.reasoner import MostProbable, Worlds

Query = Annotated[
    list[str] | None,
    typer.Option(
        "--query", metavar="QUERY", help="Whose truth is shown; may be repeated; by default, the files' own queries."
    ),
]


def mpe_command(
    session: Session,
    files: Files,
    facts: Facts = None,
    query: Query = None,
    evidence: Evidence = None,
    no_demand: NoDemand = False,
    as_json: Json = False,
) -> int:
    """Show the most probable world in which the evidence holds."""
    reasoner = load_reasoner(session, files, facts or [], "exact", not no_demand)
    with output.working(session.settings.quiet) as reasoner.progress:
        found = reasoner.most_probable(evidence or (), queries=query or ())
    payload = found.to_json()
    payload["answers"] = output.sorted_answers(payload["answers"])
    payload["choices"].sort(key=lambda row: output.natural(row["choice"]))
    if as_json:
        session.answer(payload)
        return ANSWERED
    for row in payload["answers"]:
        output.show(f"{row['atom']}: {str(row['holds']).lower()}")
    output.show(_summary(found))
    for row in payload["choices"]:
        output.show(f"  {row['choice']}: {row['outcome']}")
    return ANSWERED


def _summary(found: MostProbable) -> str:
    number = f"{found.probability:.8g}" if found.probability > 0 else f"exp({found.log_probability:.8g})"
    given = f", {found.given:.8g} given the evidence" if found.log_evidence < 0 else ""
    return f"the most probable world, of probability {number}{given}:"


def sample_command(
    session: Session,
    files: Files,
    n: Annotated[int, typer.Option("-n", "--n", min=1, metavar="N", help="How many worlds to draw.")] = 1,
    facts: Facts = None,
    query: Query = None,
    evidence: Evidence = None,
    no_demand: NoDemand = False,
    as_json: Json = False,
) -> int:
    """Draw worlds from the distribution given the evidence."""
    reasoner = load_reasoner(session, files, facts or [], "exact", not no_demand)
    with output.working(session.settings.quiet) as reasoner.progress:
        drawn = reasoner.sample(n, evidence or (), seed=session.settings.seed, queries=query or ())
    if as_json:
        session.answer(drawn.to_json())
        return ANSWERED
    for number in range(len(drawn)):
        output.show(", ".join(sorted(drawn.holding(number), key=output.natural)) or "none of the atoms")
    session.tell(_drawn(drawn))
    return ANSWERED


def _drawn(drawn: Worlds) -> str:
    held = f", all with the evidence, of probability {math.exp(drawn.log_evidence):.8g}" if drawn.log_evidence else ""
    return f"{len(drawn):,} world{'s' if len(drawn) > 1 else ''}{held}"
