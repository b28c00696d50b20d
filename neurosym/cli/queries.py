"""`query` and `explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated
from warnings import catch_warnings, simplefilter

import typer

from neurosym.cli import output
from neurosym.cli.files import Files
from neurosym.cli.session import ANSWERED, Json, Semantics, Session
from neurosym.errors import ApproximationWarning, Diagnostic, ExplanationError

if TYPE_CHECKING:
    from neurosym.explain.model import Explanation
    from neurosym.reasoner import Answers, Reasoner
    from neurosym.semantics import TopK

Facts = Annotated[
    list[str] | None,
    typer.Option("--facts", metavar="FILE", help="RDF or CSV (the predicate is the file's stem); may be repeated."),
]
Evidence = Annotated[
    list[str] | None,
    typer.Option("--evidence", metavar="LITERAL", help="What is observed, `a` or `\\+ a`; may be repeated."),
]
NoDemand = Annotated[
    bool, typer.Option("--no-demand", help="Ground the whole program, and not what the query can reach alone.")
]
OnLimit = Annotated[
    str,
    typer.Option(
        "--on-limit",
        metavar="WHAT",
        help="Where a circuit grows past its limit: bounds (of `topk`, with a warning) or stop.",
    ),
]
K = Annotated[
    int | None,
    typer.Option("--k", min=1, metavar="N", help="With `topk`: how many proofs to begin with, 16 by default."),
]
Width = Annotated[
    float | None,
    typer.Option(
        "--width", min=0.0, max=1.0, metavar="W", help="With `topk`: bounds this near stop it; 0.01 by default."
    ),
]
Html = Annotated[str | None, typer.Option("--html", metavar="OUT", help="Write a page that needs no network.")]
Rdf = Annotated[
    str | None, typer.Option("--rdf", metavar="OUT", help="Write RDF (PROV-O): .ttl, .trig, .nt, .nq or .jsonld.")
]
Language = Annotated[str, typer.Option("--language", metavar="TAG", help="Of labels, such as de or pt-BR.")]
Threshold = Annotated[
    float, typer.Option("--threshold", min=0.0, metavar="T", help="Under it, the rules that came nearest are shown.")
]
Depth = Annotated[
    int, typer.Option("--depth", min=1, metavar="N", help="For how many levels of what is not derived why not is said.")
]
Changeable = Annotated[
    list[str] | None,
    typer.Option(
        "--changeable",
        metavar="PATTERN",
        help="Facts that may change, `fever/2` or `fever(p1, _)`, for what would flip the answer; may be repeated.",
    ),
]
Proofs = Annotated[int, typer.Option("--proofs", min=1, metavar="K", help="How many of the best proofs to show.")]
Contributions = Annotated[
    str,
    typer.Option(
        "--contributions",
        metavar="METHODS",
        help="What each rule and leaf adds, by leave-one-out, gradient, shapley, with commas between; or none.",
    ),
]


def query_command(
    session: Session,
    files: Files,
    facts: Facts = None,
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query",
            metavar="QUERY",
            help="An atom, `\\+ a`, or a conjunction `a, b(X)`; may be repeated; by default, the files' own queries.",
        ),
    ] = None,
    evidence: Evidence = None,
    semantics: Semantics = "exact",
    k: K = None,
    width: Width = None,
    on_limit: OnLimit = "bounds",
    no_demand: NoDemand = False,
    as_json: Json = False,
) -> int:
    """Answer the queries of rule files."""
    reasoner = load_reasoner(
        session, files, facts or [], _chosen_semantics(semantics, k, width), not no_demand, on_limit
    )
    answers = ask(session, reasoner, query or [], evidence or [])
    session.report(_failed_quietly(answers))
    session.report(c.diagnostic(reasoner.program.texts) for c in answers.contradictions)
    show(session, answers)
    return ANSWERED


def _chosen_semantics(name: str, k: int | None, width: float | None) -> str | TopK:
    """The semantics of a name, with the options of `topk`."""
    if k is None and width is None:
        return name
    if name != "topk":
        raise typer.BadParameter(f"--{'width' if k is None else 'k'} needs --semantics topk")
    from neurosym.semantics import TopK

    return TopK(TopK.k if k is None else k, TopK.width if width is None else width)


def _failed_quietly(answers: Answers) -> Iterator[Diagnostic]:
    """NS412: what is false by the language's rules, and is most often a slip in the data (`"38.5"` for 38.5)."""
    for what, times in answers.grounded.graph.counters.items():
        message = f"{what}: {times:,} time{'s' if times > 1 else ''} while the rules were evaluated"
        help = "see that the data has numbers where numbers are meant"
        yield Diagnostic("NS412", "warning", message, note="it counts as false", help=help)


def load_reasoner(
    session: Session, files: list[str], facts: list[str], semantics: str | TopK, demand: bool = True,
    on_limit: str = "bounds",
) -> Reasoner:  # fmt: skip
    """The reasoner over rule files and files of facts."""
    from neurosym.cli.data import load_facts
    from neurosym.lang import parse_files
    from neurosym.reasoner import Reasoner

    if on_limit not in ("bounds", "stop"):
        raise typer.BadParameter("--on-limit is bounds or stop")
    base = load_facts(facts)
    program = parse_files(files, base.predicates)
    session.report(program.warnings)
    reasoner = Reasoner(
        program, base, semantics=semantics, limits=session.limits(), demand=demand, seed=session.settings.seed,
        on_limit="stop" if on_limit == "stop" else "bounds",
    )  # fmt: skip
    session.report(reasoner.warnings)
    return reasoner


def ask(session: Session, reasoner: Reasoner, queries: list[str], evidence: Sequence[str] = ()) -> Answers:
    """Answers without gradients; a terminal shows how far the grounding is."""
    import torch

    with torch.no_grad(), output.working(session.settings.quiet) as reasoner.progress, catch_warnings():
        simplefilter("ignore", ApproximationWarning)  # it is reported as NS521
        answers = reasoner.query(*queries, evidence=evidence)
    session.report(_bounded(answers))
    session.report(answers.warnings)
    return answers


def _bounded(answers: Answers) -> Iterator[Diagnostic]:
    """NS521: bounds where probabilities were asked for."""
    from neurosym.semantics import TopK

    if answers.semantics == "exact" and isinstance(answers.algebra, TopK):
        yield Diagnostic(
            "NS521", "warning", "a circuit grew past its limit: the answers are bounds",
            note="each lies between the two; the probability that is shown is their midpoint",
            help="ask for less, narrow them by --semantics topk --width, or stop instead by --on-limit stop",
        )  # fmt: skip


def show(session: Session, answers: Answers) -> None:
    """Print answers by atom, as lines or as the JSON object."""
    payload = answers.to_json()
    rows = output.sorted_answers(payload["answers"])
    if session.as_json:
        session.answer({**payload, "answers": rows})
    elif rows:
        output.show_answers(rows)
    else:
        session.tell("no answers: nothing that matches can be derived")


def explain_command(
    session: Session,
    files: Files,
    query: Annotated[str, typer.Option("--query", metavar="QUERY", help="What is to be explained.")],
    evidence: Evidence = None,
    facts: Facts = None,
    semantics: Semantics = "exact",
    k: K = None,
    width: Width = None,
    on_limit: OnLimit = "bounds",
    no_demand: NoDemand = False,
    html: Html = None,
    as_json: Json = False,
    proofs: Proofs = 3,
    contributions: Contributions = "leave-one-out",
    rdf: Rdf = None,
    language: Language = "en",
    threshold: Threshold = 0.5,
    changeable: Changeable = None,
    depth: Depth = 2,
) -> int:
    """Show why an answer is what it is."""
    methods = contribution_methods(contributions)
    if rdf is not None:
        from neurosym.explain.views.rdf import suffix_format

        suffix_format(rdf)  # before the work, not after it
    reasoner = load_reasoner(
        session, files, facts or [], _chosen_semantics(semantics, k, width), not no_demand, on_limit
    )
    answers = ask(session, reasoner, [query], evidence or [])
    atom = _chosen(session, answers, query)

    from neurosym.explain import explain

    with output.working(session.settings.quiet) as reasoner.progress:  # what is left out may be grounded anew
        explanation = explain(
            answers, atom, proofs=proofs, language=language, contributions=methods, seed=session.settings.seed,
            threshold=threshold, changeable=changeable or (), depth=depth,
        )  # fmt: skip
    explanation = check_certificate(session, explanation)
    if html is not None:
        explanation.to_html(html)
        session.tell(f"wrote {html}")
    if rdf is not None:
        explanation.to_rdf(rdf)
        session.tell(f"wrote {rdf}")
    if as_json:
        session.answer(explanation.to_dict())
    elif html is None and rdf is None:
        output.show(explanation.to_text())
    return ANSWERED


def contribution_methods(text: str) -> list[str]:
    """The methods that `--contributions` names."""
    from neurosym.explain.contributions import METHODS

    names = [] if text.strip() == "none" else [n.strip() for n in text.split(",")]
    for name in names:
        if name not in METHODS:
            raise typer.BadParameter(f"--contributions has {', '.join(METHODS)}, or none; not `{name}`")
    return names


def _chosen(session: Session, answers: Answers, query: str) -> str:
    """The atom to explain: the most probable one where several match."""
    if not answers.atoms:
        raise ExplanationError(
            f"nothing matches `{query}`", code="NS802", help="ask for one atom: its explanation says what is missing"
        )
    best = int(answers.tags[0].argmax())
    if len(answers.atoms) > 1:
        session.tell(f"{len(answers.atoms)} answers match; this is the most probable one, {answers.atoms[best]}")
    return answers.atoms[best]


def check_certificate(session: Session, explanation: Explanation) -> Explanation:
    """Verify an explanation, and say so if it does not."""
    explanation = explanation.checked()
    tell_unverified(session, explanation.claim.atom, explanation.verified, explanation.unverified)
    return explanation


def tell_unverified(session: Session, atom: str, verified: tuple[str, ...] | None, unverified: tuple[str, ...]) -> None:
    """NS803: an explanation that does not verify, or that could not be, is never shown without saying so."""
    if not verified:
        found = "could not be verified" if verified is None else "does not verify"
        message = f"the explanation of `{atom}` {found}: {'; '.join(unverified)}"
        session.report([Diagnostic("NS803", "warning", message)])
        if session.settings.quiet:  # not even then
            output.note(message)


__all__ = [
    "ask",
    "check_certificate",
    "contribution_methods",
    "explain_command",
    "load_reasoner",
    "query_command",
    "show",
    "tell_unverified",
]
