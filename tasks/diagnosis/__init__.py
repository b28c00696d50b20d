"""Diagnosis: malignant or benign, from nucleus measurements, rules and an ontology."""
