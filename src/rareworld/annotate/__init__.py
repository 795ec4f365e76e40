"""Recording + cameras -> clips with ground truth."""
