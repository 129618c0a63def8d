"""A glossary as a file: columns `term` and `meaning`."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import BadInput
from core.glossary import Term, checked
from storage.exchange.answers_csv import line
from storage.exchange.tables import table_rows

NEEDED = ("term", "meaning")


def read_glossary(place: str, content: bytes) -> tuple[Term, ...]:
    """All terms of a CSV or TSV file; BadInput names the line."""
    found = []
    for row in table_rows(place, content, NEEDED[0], None):
        try:
            found.append(Term(*(" ".join(row.values.get(name, "").split()) for name in NEEDED)))
        except BadInput as error:
            raise BadInput(row.place, f"{error.place.split(', ')[1]} {error.reason}") from None
    return checked(found)


def glossary_csv(glossary: Sequence[Term]) -> str:
    """The glossary as it can be read again."""
    return "".join([line(NEEDED), *(line((one.term, one.meaning)) for one in glossary)])
