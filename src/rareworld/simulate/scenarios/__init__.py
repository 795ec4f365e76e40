"""Scenarios: what shall happen, with whom, where and when; drawn from ranges by seed."""
