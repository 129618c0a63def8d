"""Answers from Label Studio's JSON exports, and from plain lists of objects with task, worker and label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.errors import BadInput
from storage.exchange.gathered import AnswerRow

VALUES = ("choices", "rating", "number", "taxonomy")  # control types with one label or a set of labels


def label_studio_rows(place: str, text: str, field: str = "") -> tuple[Iterator[AnswerRow], str]:
    """Rows by entry, and the format in words. BadInput where it is neither format."""
    entries = _entries(place, text)
    first = next((entry for _, entry in entries if isinstance(entry, dict)), {})
    if "annotations" in first or "completions" in first:
        _one_control(place, entries, field)
        return _exported(entries, field), "Label Studio"
    if "annotation_id" in first:
        return _minimal(entries, field), "Label Studio (JSON-MIN)"
    if {"task", "worker", "label"} <= set(first):
        return _plain(entries), "list of objects"
    keys = ", ".join(f"'{key}'" for key in first) or "none"
    needed = "'annotations' (Label Studio) or 'task', 'worker' and 'label'"
    raise BadInput(f"{place}, entry 1", f"needs {needed}; found: {keys}.")


def _entries(place: str, text: str) -> Sequence[tuple[int, Any]]:
    try:
        if text.lstrip().startswith("["):
            return list(enumerate(json.loads(text), start=1))
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        return [(number, _json_of(place, number, line)) for number, line in lines]
    except json.JSONDecodeError as error:
        raise BadInput(f"{place}, line {error.lineno}", f"is not JSON ({error.msg}).") from None
    except RecursionError:
        raise BadInput(place, "is nested too deeply.") from None


def _json_of(place: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"{place}, line {number}", f"is not JSON ({error.msg}).") from None


def _annotations(entry: Mapping[str, Any]) -> list[Any]:
    found = entry.get("annotations", entry.get("completions"))
    return found if isinstance(found, list) else []


def _one_control(place: str, entries: Sequence[tuple[int, Any]], field: str) -> None:
    """BadInput where answers of several controls would be mixed."""
    names: set[str] = set()
    for _, entry in entries:
        for annotation in _annotations(entry) if isinstance(entry, dict) else ():
            for part in _results(annotation):
                names.add(str(part.get("from_name")))
    if field and names and field not in names:
        raise BadInput(place, f"has no control '{field}'; found: {', '.join(sorted(names))}.")
    if not field and len(names) > 1:
        raise BadInput(place, f"has answers of several controls; name one with --field: {', '.join(sorted(names))}.")


def _results(annotation: Any) -> list[Mapping[str, Any]]:
    found = annotation.get("result") if isinstance(annotation, dict) else None
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _exported(entries: Sequence[tuple[int, Any]], field: str) -> Iterator[AnswerRow]:
    for number, entry in entries:
        if not isinstance(entry, dict) or entry.get("id") is None:
            yield AnswerRow(number, "", "", "", bad="is no task with an 'id'.")
            continue
        for annotation in _annotations(entry):
            if isinstance(annotation, dict) and not annotation.get("was_cancelled"):
                yield _answer(number, str(entry["id"]), annotation, field)


def _answer(number: int, task: str, annotation: Mapping[str, Any], field: str) -> AnswerRow:
    parts = [part for part in _results(annotation) if not field or part.get("from_name") == field]
    labels: list[str] = []
    for part in parts:
        value = part.get("value")
        found = next((value[key] for key in VALUES if key in value), None) if isinstance(value, dict) else None
        if found is None:
            reason = f"task {task} has an answer of type '{part.get('type')}'; choices, ratings and numbers are read."
            return AnswerRow(number, "", "", "", bad=reason)
        labels += [_flat(one) for one in found] if isinstance(found, list) else [str(found)]
    worker = _person(annotation.get("completed_by"))
    if not worker or not labels:
        what = "answer" if worker else "annotator"
        return AnswerRow(number, "", "", "", bad=f"task {task} has an annotation without its {what}.")
    return AnswerRow(number, task, worker, "|".join(labels), _seconds(annotation.get("lead_time")))


def _flat(found: Any) -> str:
    """A choice, or the path of one in a taxonomy."""
    return " / ".join(map(str, found)) if isinstance(found, list) else str(found)


def _person(found: Any) -> str:
    if isinstance(found, dict):
        found = found.get("email", found.get("id"))
    return "" if found is None else str(found)


def _seconds(found: Any) -> float:
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else float("nan")


def _minimal(entries: Sequence[tuple[int, Any]], field: str) -> Iterator[AnswerRow]:
    key = field or next((name for name in ("choice", "label", "rating", "sentiment") if name in entries[0][1]), "")
    for number, entry in entries:
        if not isinstance(entry, dict) or key not in entry:
            yield AnswerRow(number, "", "", "", bad="has no answer; name its field with --field.")
            continue
        found = entry[key]
        found = found.get("choices", "") if isinstance(found, dict) else found
        label = "|".join(map(_flat, found)) if isinstance(found, list) else str(found)
        worker = _person(entry.get("annotator"))
        yield AnswerRow(number, str(entry.get("id", "")), worker, label, _seconds(entry.get("lead_time")))


def _plain(entries: Sequence[tuple[int, Any]]) -> Iterator[AnswerRow]:
    for number, entry in entries:
        if not isinstance(entry, dict):
            yield AnswerRow(number, "", "", "", bad="is no object.")
            continue
        label = entry.get("label")
        words = "|".join(map(str, label)) if isinstance(label, list) else "" if label is None else str(label)
        task, worker = (str(entry.get(key) if entry.get(key) is not None else "") for key in ("task", "worker"))
        yield AnswerRow(number, task, worker, words, _seconds(entry.get("seconds")))
