"""What can go wrong, as values.

CrowdloopError
|-- NotFound           nothing has this name
|-- Refused            the request can never be granted as it stands
|   `-- BadInput       a file, a command or a setting is wrong at a place that can be named
|-- Conflict           somebody else was first
`-- TrainingFailed     a night ended without a new version
    |-- NothingToLearn too few answers yet, or all the same
    `-- VersionRefused a version's files are not whole or not its own
"""

from __future__ import annotations


class CrowdloopError(Exception):
    """The root: `str(error)` is one clear sentence for a person."""


class NotFound(CrowdloopError):
    """Nothing has this name."""

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"There is no {what} named {name}.")
        self.what, self.name = what, name


class Refused(CrowdloopError):
    """The request can never be granted as it stands."""


class BadInput(Refused):
    """Wrong input, with the place (file, line, key) and what to do."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


class Conflict(CrowdloopError):
    """Somebody else was first; nothing has changed."""


class TrainingFailed(CrowdloopError):
    """A night ended without a new version; the serving one stays."""


class NothingToLearn(TrainingFailed):
    """Too few answers yet, or all the same."""


class VersionRefused(TrainingFailed):
    """A version's files are not whole, or not its own: it cannot speak."""
