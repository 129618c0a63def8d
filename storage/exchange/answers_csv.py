"""Answers and consensus as CSV, line by line; no cell can be taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from core import stretches
from core.campaign import Campaign, Kind
from core.chains import Provenance
from core.evidence import Evidence
from core.item import Role, Verdict
from core.marks import likeliest, marked_by, set_of, written
from core.ports import Consensus
from core.posterior import claimed, sureness
from core.question import Answer, Question
from core.winning import Lot, Texts, winner

ANSWERS = ("task", "worker", "label", "answered_at", "latency_ms", "form", "campaign", "p_select", "version")
PAIR = ("text2", "id_a", "id_b")  # after the text, where a campaign has pairs
WORDS = ("words",)  # last, where words of texts are marked
CHANCE = "chance of {}"  # a column for each label, where several may hold
CONSENSUS = ("task", "text", "label", "confidence", "answers", "verdict", "settled_by", "role", "network")
PROVENANCE = ("from", "task", "label", "to", "became", "state")
NETWORK = "network"
NOTHING_WRITTEN = Texts({}, {})
NOBODY: Mapping[str, str] = {}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")  # first characters that a spreadsheet would run (OWASP ASVS 1.2.10)


def answers_csv(
    campaign: Campaign,
    answers: Iterable[tuple[str, str, Answer, Question]],
    texts: Texts = NOTHING_WRITTEN,
    shown: Mapping[str, str] = NOBODY,
) -> Iterator[str]:
    """Long form: the first three columns are crowd-kit's. "Not sure" has no label; a set of labels is "cat|dog"; the
    label of a written answer is its words. Where words are marked it is their characters, "0-4|10-16", and the words
    follow in a column of their own; `shown` is then the text of each item."""
    spans = campaign.draft.kind is Kind.SPANS
    yield line((*ANSWERS, *WORDS) if spans else ANSWERS)
    for task, worker, answer, question in answers:
        text = shown[task] if spans else ""
        yield line(
            (
                task,
                worker,
                texts.words.get((question.id, answer.lease)) or named(campaign, answer.evidence, text),
                answer.answered_at.isoformat(),
                answer.latency_ms,
                question.layout.form.value,
                campaign.slug,
                f"{question.p_select:.6g}",
                "",  # which version ordered the queue is not kept with a question yet
                *((spoken(answer.evidence, text),) if spans else ()),
            )
        )


def consensus_csv(
    campaign: Campaign, lines: Iterable[Consensus], texts: Texts = NOTHING_WRITTEN
) -> Iterator[str]:
    """Each item with its likeliest label; none where nobody has answered yet. `network` is the version that spoke.

    Where answers are written, the label is the text that won, and the verdict is the one on the texts. The columns of
    items and pairs are named as an import wants them. Where several labels may hold, the label is the likeliest set,
    its confidence that in its least sure label, and each label has its chance in a column of its own. Where words are
    marked the label is their characters, "0-4|10-16", the confidence that in the least sure word, and the words follow.
    """
    found = list(lines)
    paired = any(one.content.other or one.content.sides for one in found)
    several, spans = campaign.draft.kind is Kind.MULTI, campaign.draft.kind is Kind.SPANS
    columns = (*CONSENSUS[:2], *PAIR, *CONSENSUS[2:]) if paired else CONSENSUS
    yield line([*columns, *(CHANCE.format(label) for label in campaign.labels if several), *(WORDS if spans else ())])
    for one in found:
        label, confidence, verdict = _ending(campaign, one, texts)
        yield line(
            (
                one.name,
                one.content.text,
                *((one.content.other, *(one.content.sides or ("", ""))) if paired else ()),
                label,
                confidence,
                one.answers,
                verdict.value,
                _settled_by(one),
                one.role.value,
                one.spoken or "",
                *(_chances(campaign, one) if several else ()),
                *(("|".join(stretches.named(marks, one.content.text)) if (marks := marked_of(campaign, one)) else "",)
                  if spans else ()),
            )
        )


def provenance_csv(rows: Iterable[Provenance], labels: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What chains made; `labels` by campaign. "astray": the source's label has changed since, after an answer."""
    yield line(PROVENANCE)
    for one in rows:
        yield line((one.source, one.task, labels[one.source][one.label], one.target, one.fed_task, one.state.value))


def _ending(campaign: Campaign, one: Consensus, texts: Texts) -> tuple[str, str, Verdict]:
    if campaign.draft.kind is not Kind.TEXT:
        return *_belief(campaign, one), one.verdict
    found = winner(texts.lots.get(one.name, Lot()))
    verdict = found.verdict if one.verdict is Verdict.SETTLED else one.verdict
    return found.text, f"{found.confidence:.4f}" if found.text else "", verdict


def _belief(campaign: Campaign, one: Consensus) -> tuple[str, str]:
    if one.role is Role.CONTROL and one.truth is not None:
        return _named_truth(campaign, one), "1"
    alone = _settled_by(one) == NETWORK
    if not one.answers and not alone:
        return "", ""
    belief = one.posterior if alone else claimed(one.posterior, campaign.pool)
    confidence = f"{sureness(belief, campaign.pool):.4f}"
    if campaign.draft.kind.marked:
        return _named_set(campaign, likeliest(belief), one.content.text), confidence
    return campaign.labels[belief.index(max(belief))], confidence


def _chances(campaign: Campaign, one: Consensus) -> list[str]:
    """(K,) of each label to hold; nothing where nobody has answered."""
    known = one.role is Role.CONTROL
    if not (known or one.answers):
        return [""] * len(campaign.labels)
    return [f"{p:.4f}" for p in (one.posterior if known else claimed(one.posterior, campaign.pool))]


def _named_truth(campaign: Campaign, one: Consensus) -> str:
    truth = one.truth or 0
    if campaign.draft.kind.marked:
        return _named_set(campaign, set_of(truth), one.content.text)
    return campaign.labels[truth]


def _named_set(campaign: Campaign, marked: Sequence[int], text: str) -> str:
    return stretches.written(marked, text) if campaign.draft.kind is Kind.SPANS else written(marked, campaign.labels)


def marked_of(campaign: Campaign, one: Consensus) -> tuple[int, ...]:
    """The words that are marked, as far as anybody knows."""
    if one.role is Role.CONTROL and one.truth is not None:
        return set_of(one.truth)
    return likeliest(claimed(one.posterior, campaign.pool)) if one.answers else ()


def conll(campaign: Campaign, lines: Iterable[Consensus]) -> Iterator[str]:
    """What is settled or known of texts whose words are marked, as a CoNLL file: a word, a tab and its tag."""
    for one in lines:
        if one.verdict is Verdict.SETTLED:
            tagged = stretches.tags_of(marked_of(campaign, one), one.content.text, tag_of(campaign.labels[0]))
            yield "".join(f"{word}\t{tag}\n" for word, tag in tagged) + "\n"


def tag_of(label: str) -> str:
    """A label as the end of a tag: without white space."""
    return "_".join(label.split())


def _settled_by(one: Consensus) -> str:
    """Who settled an item: an admin, a version alone, or the crowd."""
    if one.verdict is not Verdict.SETTLED:
        return ""
    if one.truth is not None:
        return "admin"
    return "crowd" if one.answers or one.spoken is None else NETWORK


def named(campaign: Campaign, evidence: Evidence, text: str = "") -> str:
    """The words of the labels that an answer leaves possible, or marks; nothing where it says nothing. Of words in a
    text their characters."""
    if campaign.draft.kind.marked:
        marks = len(stretches.words_of(text)) if campaign.draft.kind is Kind.SPANS else len(campaign.labels)
        marked = marked_by(evidence, marks)
        return "" if marked is None else _named_set(campaign, marked, text)
    if evidence.is_everything(len(campaign.labels)):
        return ""
    return "|".join(campaign.labels[label] for label in evidence.labels())


def spoken(evidence: Evidence, text: str) -> str:
    """The words that an answer marks in a text."""
    return "|".join(stretches.named(marked_by(evidence, len(stretches.words_of(text))) or (), text))


def line(cells: Sequence[str | int | float]) -> str:
    """One line of CSV with its end."""
    out = io.StringIO()
    csv.writer(out).writerow([safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows instead of running it."""
    return "'" + cell if cell.startswith(FORMULA) else cell
