"""Explanations for machines: RDF, networkx, PyG, and JSON with a schema."""

from neurosym.explain.views.rdf import explanation_quads, to_rdf
from neurosym.explain.views.read import explanation_from_json

__all__ = ["explanation_quads", "explanation_from_json", "to_rdf"]
