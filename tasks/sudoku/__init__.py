"""Boards of 4 × 4 digit images: whether they are valid is learned from valid and corrupted boards alone."""
