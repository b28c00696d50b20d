"""Kinship in stories."""
