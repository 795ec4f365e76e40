"""Readers and writers of the formats of others, at the border of the house."""
