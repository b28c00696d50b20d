"""Probabilities against ProbLog, evaluating again, learning, proofs; `python -m benchmarks.semantics`."""
