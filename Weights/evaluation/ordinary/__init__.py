"""Ordinary pictures that nothing is wrong with, to measure with: one file a kind, and what they are made by."""
