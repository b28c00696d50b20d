"""ProbLog's learning from interpretations, as an oracle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Learned:
    """Its log-likelihood and its weights in the order of the program."""

    log_likelihood: float
    weights: tuple[float, ...]
    iterations: int


def learn(program: str, examples: str, normalize: bool = True, iterations: int = 10_000) -> Learned:
    """Learn with ProbLog; `examples` in the `.ev` format."""
    from problog.learning.lfi import extract_evidence, run_lfi
    from problog.program import PrologString

    texts, lines = [], []
    for line in [*examples.splitlines(), "---"]:
        if line.strip().startswith("---"):
            texts.append("\n".join(lines))
            lines = []
        else:
            lines.append(line)
    observed = [e for e in (extract_evidence(PrologString(t)) for t in texts if t.strip()) if e]
    score, weights, _, done, _ = run_lfi(
        PrologString(program), observed, normalize=normalize, propagate_evidence=False, max_iter=iterations
    )
    return Learned(float(score), tuple(float(w) for w in weights), done)


def log_likelihood(program: str, examples: list[dict[str, bool]]) -> float:
    """The log-likelihood of examples by ProbLog's inference: the probability of their conjunction, one by one.

    The score that its learner returns leaves out what evidence makes certain.
    """
    import math

    from problog import get_evaluatable
    from problog.program import PrologString

    known: dict[str, float] = {}
    total = 0.0
    for example in examples:
        body = ", ".join(a if v else f"\\+{a}" for a, v in example.items())
        if body not in known:
            text = f"{program}\nobserved_all :- {body}.\nquery(observed_all).\n"
            (known[body],) = get_evaluatable().create_from(PrologString(text)).evaluate().values()
        total += math.log(known[body])
    return total
