"""`neurosym train`: learning from a file that names rules, tables and labels, without a line of Python."""
