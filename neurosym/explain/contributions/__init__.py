"""What each rule and each piece of evidence does to a claim."""

from neurosym.explain.contributions.asked import METHODS, Asked, asked_for
from neurosym.explain.contributions.contribute import contribute
from neurosym.explain.contributions.reground import Regrounder

__all__ = ["METHODS", "Asked", "Regrounder", "asked_for", "contribute"]
