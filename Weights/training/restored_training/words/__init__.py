"""Restoration through words: what is trained of it (Sources/Networks/Pseudowords/README.md)."""
