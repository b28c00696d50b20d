"""What explanations cost, beside the evaluation that they explain."""
