"""Threads as releases have left them, to be read and carried on with by every later one.

`python -m tests.golden` writes those of this release into a directory of its version. What is there is never rewritten.
"""
