"""Learning from images: accuracy, time to train and time to explain, beside the bounds and beside other libraries."""
