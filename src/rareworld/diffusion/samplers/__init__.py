"""Solvers of the probability-flow equation; every one takes a `Denoise` and a schedule."""
