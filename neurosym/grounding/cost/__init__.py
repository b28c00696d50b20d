"""What a grounding will cost, from counts of the facts and samples of recursions."""

from neurosym.grounding.cost.forecast import Forecast, RuleForecast, forecast

__all__ = ["Forecast", "RuleForecast", "forecast"]
