"""Chains: LangGraph graphs with a name, and everything that runs, reads and draws them. Knows no Django."""
