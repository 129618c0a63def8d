"""All answers -> all beliefs: the batch twin of the day's updates."""

from core.inference.committee import hidden, refit
from core.inference.dawid_skene import dawid_skene
from core.inference.table import AnswerTable, Refit
from core.inference.warm import freshened

__all__ = ["AnswerTable", "Refit", "dawid_skene", "freshened", "hidden", "refit"]
