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
        PrologString(program), observed, normalize=normalize, propagate_evidence=True, max_iter=iterations
    )
    return Learned(float(score), tuple(float(w) for w in weights), done)
