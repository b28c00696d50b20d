"""Few labels: digits learned from a share of labels and known relations; a new class from five examples."""
