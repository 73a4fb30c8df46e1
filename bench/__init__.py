"""Measurements: always two things side by side in one run, so that the machine's speed cancels out."""
