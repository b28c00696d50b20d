"""Which research group a person belongs to, predicted with reasons."""
