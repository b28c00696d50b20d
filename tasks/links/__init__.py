"""Missing links of a graph, predicted with reasons."""
