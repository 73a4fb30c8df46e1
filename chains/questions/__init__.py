"""An interrupt's value, in any format a graph may ask in, to a Question; replies to the answer in that format."""

from chains.questions.answering import build_answer
from chains.questions.reading import read_question
from chains.questions.shapes import BadAnswer, Item, Kind, Question, Reply

__all__ = ["BadAnswer", "Item", "Kind", "Question", "Reply", "build_answer", "read_question"]
