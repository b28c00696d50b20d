"""Links of a knowledge graph: rules learned from it, graph networks, scores of both, and their evaluation."""
