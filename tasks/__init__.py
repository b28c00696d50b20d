"""End-to-end tasks: one folder each, with its data, model, run command and measured results."""
