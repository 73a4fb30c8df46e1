"""The acts of manage.py checkpoints, each in a module of its own: a name, what it takes, and what it does."""
