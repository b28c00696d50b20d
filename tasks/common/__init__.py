"""What several tasks share: digit images, options of the command line, results as JSON."""
