"""Grounding room: Program + FactBase -> DerivationGraph."""

from neurosym.grounding.builder import Limits
from neurosym.grounding.core import CoreProgram, CoreRule, Key, Parameter
from neurosym.grounding.forecast import Forecast, RuleForecast, forecast
from neurosym.grounding.graph import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.ground import ground, relation_sizes

__all__ = [
    "CERTAIN",
    "POSSIBLE",
    "ChoiceGroup",
    "CoreProgram",
    "CoreRule",
    "DerivationGraph",
    "Forecast",
    "Key",
    "Limits",
    "Parameter",
    "RuleForecast",
    "forecast",
    "ground",
    "relation_sizes",
]
