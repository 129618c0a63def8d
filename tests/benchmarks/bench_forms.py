"""Seventy-seven intents by thumb: seconds for each settled item, by the form of the questions.

    python -m tests.benchmarks.bench_forms [--quick] [--seeds 5] [--items 200]

`banking77` in the real core: thirty simulated workers (`bot.simulated.crowd`) on items of every difficulty, the
network's prior from a calibrated probe on cached embeddings that was taught 1,000 other messages, the same stop rule
for all, the beliefs of one day (no refit between). Every answer, controls too, is paid in seconds of the thumb by where
its button really was: the words of the message and of the choices looked at 0.25 s each, taps, swipes and pages as in
`core/effort.py` (sources there). Who opens groups opens a wrong one first now and then.
Peers: one list of all 77 in their order, eight to a screen; the same list on pages of eight with "more". The second
table asks what remains when the list is known by heart, or when reading a choice is quicker or slower than assumed.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from bot.simulated.network import taught
from core.campaign import Policy
from core.effort import HICK, SCREEN, SWIPE, TAP, TURN
from core.forms import Form, Layout, choice_of
from core.grouping import Group
from core.intake import prior_of
from core.item import Role, Verdict
from core.question import Tap
from core.service import Asked, ask
from core.tapping import tap
from tests.benchmarks.campaigns import Setting, World, world
from tests.benchmarks.embedded import TEXTS, TextSet, text_set
from tests.benchmarks.table import spread, told

WORD = 0.25  # seconds to read one (Brysbaert 2019)
ASTRAY = 0.15  # share of those who look for a group that open a wrong one first
HARD = 0.08  # mean difficulty: share of answers that do not come from knowing the item
TAUGHT = 1000  # messages behind the network's prior
LONG, PAGED = "one list of 77", "list on pages of 8"
ARMS: dict[str, Form | None] = {
    LONG: Form.ALL, "short list": Form.SHORT, "yes or no": Form.YES_NO, "two stages": Form.GROUPS,
    "by worth": None,
}  # fmt: skip


@dataclass(slots=True)
class Log:
    """What one campaign cost."""

    seconds: float = 0.0
    paged: float = 0.0  # had its list been on pages
    answers: int = 0
    settled: int = 0
    right: int = 0
    forms: Counter[str] = field(default_factory=Counter)

    @property
    def each(self) -> float:
        return self.seconds / max(self.settled, 1)


@dataclass(frozen=True, slots=True)
class Thumb:
    """How quick a reader is: seconds for the words of one choice, and whether a long list is known by heart."""

    choice: float = WORD
    by_heart: bool = False


def seconds(thumb: Thumb, layout: Layout, label: int, labels: int, groups: tuple[Group, ...], astray: bool) -> float:
    """From the end of reading the item to the last tap."""
    shown = list(layout.shown)
    match layout.form:
        case Form.ALL:
            return _list(thumb, shown.index(label) + 1, labels, thumb.by_heart) + TAP
        case Form.YES_NO:
            return thumb.choice + HICK * math.log2(3) + TAP
        case Form.SHORT:
            return thumb.choice * (shown.index(label) + 1 if label in shown else len(shown) + 1) + TAP
        case _:
            if label in shown:
                return thumb.choice * (shown.index(label) + 1) + TAP
            spent = thumb.choice * (len(shown) + 1) + TAP + TURN if shown else 0.0
            return spent + _stages(thumb, label, groups, astray)


def _stages(thumb: Thumb, label: int, groups: tuple[Group, ...], astray: bool) -> float:
    at = next(at for at, group in enumerate(groups) if label in group.labels)
    page = groups[at].labels
    found = _list(thumb, at + 1, len(groups)) + TAP + TURN
    if astray:  # a whole page is read for nothing, and back
        wrong = groups[(at + 1) % len(groups)].labels
        found += _list(thumb, len(wrong), len(wrong)) + 2 * (TAP + TURN) + thumb.choice
    return found + _list(thumb, page.index(label) + 1, len(page)) + TAP


def _list(thumb: Thumb, place: int, length: int, by_heart: bool = False) -> float:
    """Reading down to a place, with the swipes to its screen."""
    find = HICK * math.log2(length + 1) if by_heart else thumb.choice * place
    return find + SWIPE * ((place - 1) // SCREEN)


def on_pages(thumb: Thumb, place: int) -> float:
    """The same list with a button "more" below each eight."""
    turns = (place - 1) // SCREEN
    return thumb.choice * (place + turns) + turns * (TAP + TURN) + TAP


def prepared(texts: TextSet, seed: int, items: int, form: Form | None) -> tuple[World, NDArray[np.int64]]:
    """A campaign whose items have heard a network that never saw them; rows of the pool that they are."""
    dice, k = np.random.default_rng([seed, 77]), len(texts.labels)
    rows = dice.permutation(len(texts.y))
    learn, asked = rows[:TAUGHT], rows[TAUGHT : TAUGHT + items]
    probe, _ = taught(texts.x[learn], np.eye(k)[texts.y[learn]], np.ones(len(learn)), dice)
    policy = Policy(form=form, max_overlap=8, audit_share=0.1)
    made = world(Setting(items, 40, k, policy, hard=HARD), seed, texts.y[asked])
    said = probe(texts.x[asked])
    with made.tx.store.all_or_nothing():
        campaign = made.tx.campaign(made.id)
        for at, item in enumerate(list(made.tx.store.items.values())[:items]):
            heard = replace(item, suggestion=tuple(said[at].tolist())) if item.role is Role.PLAIN else item
            made.tx.save_item(replace(heard, posterior=prior_of(campaign, heard)))
    return made, asked


def run(texts: TextSet, seed: int, items: int, form: Form | None, thumbs: dict[str, Thumb]) -> dict[str, Log]:
    """One campaign to its end; its cost to each kind of thumb."""
    made, asked = prepared(texts, seed, items, form)
    logs, words = {name: Log() for name in thumbs}, np.array([len(text.split()) for text in texts.texts])
    groups, k, idle = made.tx.campaign(made.id).groups, len(texts.labels), 0
    place = {item: at for at, item in enumerate(made.truth)}
    while idle < 200 and _open(made):
        who = int(made.dice.choice(len(made.people), p=made.pace))
        worker, mind = made.people[who]
        made.now += timedelta(minutes=3)
        with made.tx.store.all_or_nothing():
            question = ask(made.tx, worker, made.id, made.now, made.rng)
            if not isinstance(question, Asked):
                idle += 1
                continue
            idle, layout, item = 0, question.question.layout, question.item
            label = mind.label(made.truth[item.id], item.id, made.dice)
            if mind.kind in ("expert", "ordinary", "novice") and made.dice.random() < made.difficulty[item.id]:
                label = made.trap[item.id] if made.dice.random() < 0.5 else int(made.dice.integers(k))
            choice = choice_of(layout, label, k)
            tap(made.tx, worker, Tap(question.question.id, question.question.lease, choice), made.now)
        astray, at = bool(made.dice.random() < ASTRAY), place[item.id]
        reading = WORD * (words[asked[at]] if at < len(asked) else words.mean())
        for name, thumb in thumbs.items():
            _pay(logs[name], thumb, reading, layout, label, k, groups, astray)
    for log in logs.values():
        closed = [one for one in made.tx.store.items.values() if one.role is not Role.CONTROL]
        settled = [one for one in closed if one.verdict is Verdict.SETTLED]
        log.settled = len(settled)
        log.right = sum(max(range(k), key=one.posterior.__getitem__) == made.truth[one.id] for one in settled)
    return logs


def _open(made: World) -> bool:
    return bool(made.tx.store.queues[made.id])


def _pay(
    log: Log, thumb: Thumb, reading: float, layout: Layout, label: int, k: int, groups: tuple[Group, ...], astray: bool
) -> None:
    log.answers += 1
    log.forms[f"{layout.form.value} {len(layout.shown)}"] += 1
    log.seconds += reading + seconds(thumb, layout, label, k, groups, astray)
    if layout.form is Form.ALL:
        log.paged += reading + on_pages(thumb, layout.shown.index(label) + 1)


THUMBS = {
    "as assumed": Thumb(),
    "a choice 0.1 s": Thumb(choice=0.1),
    "a choice 0.5 s": Thumb(choice=0.5),
    "the list by heart": Thumb(by_heart=True),
}


def table(found: dict[str, list[dict[str, Log]]]) -> None:
    """Each form beside the long list, with the ratio of each seed's pair and its interval."""
    base = [logs["as assumed"].each for logs in found[LONG]]
    pages = np.mean([logs["as assumed"].paged / max(logs["as assumed"].settled, 1) for logs in found[LONG]])
    print("form                 s/settled  answers/settled  settled  right  list/form [95 %]     asked as")
    print(f"{PAGED:20} {pages:9.1f} {'':32} {np.mean(base) / pages:9.2f}")
    for arm, runs in found.items():
        logs = [one["as assumed"] for one in runs]
        ratio = [b / log.each for b, log in zip(base, logs, strict=True)]
        low, high = spread(ratio)
        total = sum((log.forms for log in logs), Counter[str]())
        share = ", ".join(f"{name} {count / total.total():.0%}" for name, count in total.most_common(3))
        settled, answers = np.mean([log.settled for log in logs]), np.mean([log.answers for log in logs])
        right = np.mean([log.right / max(log.settled, 1) for log in logs])
        each = np.mean([log.each for log in logs])
        print(f"{arm:20} {each:9.1f} {answers / settled:16.2f} {settled:8.1f} {right:6.3f}"
              f" {np.mean(ratio):9.2f} [{low:.2f}, {high:.2f}]   {share}")  # fmt: skip
    print("\nlist/form where reading differs")
    for name in THUMBS:
        pairs = {arm: zip(found[LONG], runs, strict=True) for arm, runs in found.items()}
        cells = [f"{arm} {np.mean([a[name].each / b[name].each for a, b in both]):.2f}" for arm, both in pairs.items()]
        print(f"{name:20} {'  '.join(cells)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--quick", action="store_true", help="one seed, 40 items")
    options = parser.parse_args()
    if not (TEXTS / "banking77").is_dir():
        print("banking77 is not there: see README, Benchmarks. Nothing was measured.")
        return
    seeds, items = (1, 40) if options.quick else (options.seeds, options.items)
    texts = text_set("banking77")
    found = {}
    for arm, form in ARMS.items():
        found[arm] = [run(texts, seed, items, form, THUMBS) for seed in range(seeds)]
        told(f"{arm}: {np.mean([logs['as assumed'].each for logs in found[arm]]):.1f} s for each settled item")
    print(f"banking77, {items} items, {seeds} seeds, prior of a probe taught {TAUGHT} other messages\n")
    table(found)


if __name__ == "__main__":
    main()
