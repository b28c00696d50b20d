"""Rounds of a recursion that find little, row by row.

A firing by columns costs some fifty small calls, however few rows it has. Where the rounds of a component find a few
facts each, its rules are fired over Python tuples instead: the same groundings in the same order, written to the same
columns a few thousand at a time.
"""

from neurosym.grounding.rows.rounds import Rounds

__all__ = ["Rounds"]
