"""Weights of Cosmos Predict in every public layout: read, checked, converted, inspected.

Start at `checkpoint.py` (what a checkpoint is) and `reader.py` (how one is found on disk).
"""
