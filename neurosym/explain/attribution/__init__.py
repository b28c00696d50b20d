"""Where in its input a network's word comes from."""

from neurosym.explain.attribution.attributions import Attributions

__all__ = ["Attributions"]
