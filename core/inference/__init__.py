"""All answers -> all beliefs: the batch twin of the day's updates."""

from core.inference.committee import refit
from core.inference.table import AnswerTable, Refit

__all__ = ["AnswerTable", "Refit", "refit"]
