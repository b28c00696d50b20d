"""Link prediction on public graphs: rules alone, paths and priors alone, and the sum, beside the bounds."""
