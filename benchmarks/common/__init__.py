"""What all benchmarks share: processes of their own, medians of runs, figures beside their bounds."""
