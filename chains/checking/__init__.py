"""Trying a chain out before people depend on it: what its source gives away, and how it runs in memory."""

from chains.checking.outline import Field, Outline, outline
from chains.checking.source import Remark, remarks
from chains.checking.trial import Asked, Trial, Twice

__all__ = ["Asked", "Field", "Outline", "Remark", "Trial", "Twice", "outline", "remarks"]
