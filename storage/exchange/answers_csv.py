"""Answers and consensus as CSV, line by line; no cell can be taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from core.campaign import Campaign
from core.evidence import Evidence
from core.item import Role
from core.ports import Consensus
from core.posterior import claimed
from core.question import Answer, Question

ANSWERS = ("task", "worker", "label", "answered_at", "latency_ms", "form", "campaign", "p_select", "version")
CONSENSUS = ("task", "text", "label", "confidence", "answers", "verdict", "role", "network")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # first characters that a spreadsheet would run (OWASP ASVS 1.2.10)


def answers_csv(campaign: Campaign, answers: Iterable[tuple[str, str, Answer, Question]]) -> Iterator[str]:
    """Long form: the first three columns are crowd-kit's. "Not sure" has no label; a set of labels is "cat|dog"."""
    yield line(ANSWERS)
    for task, worker, answer, question in answers:
        yield line(
            (
                task,
                worker,
                named(campaign, answer.evidence),
                answer.answered_at.isoformat(),
                answer.latency_ms,
                question.layout.form.value,
                campaign.slug,
                f"{question.p_select:.6g}",
                "",  # which version ordered the queue is not kept with a question yet
            )
        )


def consensus_csv(campaign: Campaign, lines: Iterable[Consensus]) -> Iterator[str]:
    """Each item with its likeliest label; none where nobody has answered yet. `network` is the version that spoke."""
    yield line(CONSENSUS)
    for one in lines:
        label, confidence = _belief(campaign, one)
        yield line(
            (
                one.name,
                one.content.text,
                label,
                confidence,
                one.answers,
                one.verdict.value,
                one.role.value,
                one.spoken or "",
            )
        )


def _belief(campaign: Campaign, one: Consensus) -> tuple[str, str]:
    if one.role is Role.CONTROL and one.truth is not None:
        return campaign.labels[one.truth], "1"
    if not one.answers:
        return "", ""
    belief = claimed(one.posterior, campaign.pool)
    confidence = max(belief)
    return campaign.labels[belief.index(confidence)], f"{confidence:.4f}"


def named(campaign: Campaign, evidence: Evidence) -> str:
    """The words of the labels that an answer leaves possible; nothing where it leaves all."""
    if evidence.is_everything(len(campaign.labels)):
        return ""
    return "|".join(campaign.labels[label] for label in evidence.labels())


def line(cells: Sequence[str | int]) -> str:
    """One line of CSV with its end."""
    out = io.StringIO()
    csv.writer(out).writerow([safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows instead of running it."""
    return "'" + cell if cell.startswith(FORMULA) else cell
