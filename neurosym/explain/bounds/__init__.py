"""Explanations under `bounds`: the interval, the steps that set it, what each formula adds, and a certificate of it."""

from neurosym.explain.bounds.explained import Alternatives, explain_bounds

__all__ = ["Alternatives", "explain_bounds"]
