"""The same task by other libraries: for an interpreter that has them; nothing of neurosym is imported."""
