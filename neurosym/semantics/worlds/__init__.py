"""Worlds: the most probable one in which evidence holds, and worlds drawn from the distribution given evidence."""

from neurosym.semantics.worlds.possible import Best, PossibleWorlds

__all__ = ["Best", "PossibleWorlds"]
