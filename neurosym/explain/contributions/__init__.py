"""What each rule and each piece of evidence does to a claim."""

from neurosym.explain.contributions.leave_out import leave_out
from neurosym.explain.contributions.reground import Regrounder

__all__ = ["Regrounder", "leave_out"]
