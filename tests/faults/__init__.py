"""Faults caused on purpose, against real servers and real processes: `python -m tests.faults`, or `make faults`."""
