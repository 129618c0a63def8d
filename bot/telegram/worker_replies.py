"""What the bot does and says when a worker writes or taps: each runs inside the update's one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.telegram import admin_rulings, views, views_worker, worker_marks, worker_objection, worker_privacy
from bot.telegram.callbacks import Agree, Dispute, Forget, Go, Mark, Open, Pressed, Rule, Speak, Turn
from bot.telegram.choices import MEANINGS
from bot.telegram.keyboards import of_rest
from bot.telegram.paper import Block, bare, note, rewritten
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import LANGUAGES, Tongue, Words
from bot.telegram.worker_terms import meanings
from core import service
from core.campaign import Campaign, CampaignState
from core.ports import Letter, Transaction
from core.question import Press, Question, QuestionState, Tap
from core.tapping import MOVES_ON, Outcome, Tapped, tap, turn
from core.worker import CONSENT_VERSION, Worker
from core.writing import awaiting, write

KEPT_OUT = (service.Idle.SUSPENDED, service.Idle.DISPUTED, service.Idle.BANNED)
OTHERS = 5  # other campaigns offered where one has nothing left


def enter(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, slug: str = "") -> Reply:
    """Opens the campaign `slug`, else goes on where they were, else opens the only one or offers a choice."""
    if not slug and worker.campaign is None:
        open_now = _open(tx)
        if len(open_now) != 1:
            return Reply(views_worker.campaigns(open_now, say, visit.chat))
        slug = open_now[0].slug
    if slug:
        worker = service.enrol(tx, worker, slug, visit.now).worker
    return _onward(tx, visit, worker, say)


def press(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Pressed | None) -> Reply:
    """Whatever a button says; None is a button that this bot never made."""
    match pressed:
        case Tap():
            return _tap(tx, visit, worker, say, pressed)
        case Turn():
            return _turn(tx, visit, worker, say, pressed)
        case Mark():
            return worker_marks.marked(tx, visit, worker, say, pressed)
        case Agree(version):
            return _agree(tx, visit, worker, say, version)
        case Open(slug):
            return enter(tx, replace(visit, bubble=None), worker, say, slug)
        case Speak(language):
            return _speak(tx, visit, worker, say, language)
        case Dispute(slug):
            return worker_objection.objected(tx, visit, worker, say, slug)
        case Forget():
            return worker_privacy.answered(tx, visit, worker, say, pressed)
        case Rule():
            return admin_rulings.ruled(tx, visit, worker, say, pressed)
        case Go.ON:
            return enter(tx, visit, worker, say)
        case Go.LANGUAGES:
            return Reply(views_worker.languages(say, visit.chat))
        case _:
            return Reply(toast=say("This button is out of date. /next shows the open question."))


def skip(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/skip: as the button of the open question."""
    live = _latest(tx, worker, QuestionState.LIVE)
    if live is None:
        return _said(visit, say("There is no open question to skip. /next asks for one."))
    old = _stripped(tx, visit, live)
    moved = _tap(tx, visit, worker, say, Tap(live.id, live.lease, Press.SKIP))
    return Reply([*old, *moved.letters])


def undo(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/undo: as the button beside the last answer."""
    last = _latest(tx, worker, QuestionState.ANSWERED)
    if last is None:
        return _said(visit, say("There is nothing to take back."))
    live = _latest(tx, worker, QuestionState.LIVE)
    moved = _tap(tx, visit, worker, say, Tap(last.id, last.lease, Press.UNDO))
    if not moved.letters:
        return _said(visit, moved.toast)
    return Reply([*(_stripped(tx, visit, live) if live else []), *moved.letters])


def stats(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/stats: what one's answers have done."""
    if worker.campaign is None:
        return enter(tx, visit, worker, say)
    return Reply(views_worker.standing(service.standing(tx, worker, worker.campaign), say, visit.chat))


def stop(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/stop: the open question goes back, and nothing is sent any more."""
    live = _latest(tx, worker, QuestionState.LIVE)
    old = _stripped(tx, visit, live) if live else []
    service.stop(tx, worker)
    goodbye = _said(visit, say("Stopped. What you answered stays. /start brings you back."))
    return Reply([*old, *goodbye.letters])


def leave(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """They blocked the bot: as /stop, without a word."""
    service.stop(tx, worker)
    return Reply()


def come_back(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """They unblocked the bot: arriving made them reachable; they speak first."""
    return Reply()


def helping(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/help: commands, and the campaign's instructions in full."""
    campaign = None if worker.campaign is None else tx.campaign(worker.campaign)
    return Reply(note(visit.chat, views_worker.helping(views_worker.commands(say), campaign, say)))


def language(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/language: the choice."""
    return Reply(views_worker.languages(say, visit.chat))


def chat(
    tx: Transaction, visit: Visit, worker: Worker, say: Tongue, text: str = "", sent: datetime | None = None
) -> Reply:
    """Anything that is neither a button nor a command: the words that a question waits for, or else a sentence and the
    open question again."""
    awaited = awaiting(tx, worker) if worker.agreed else None
    if awaited is not None:
        return _written(tx, visit, worker, say, *awaited, text, sent or visit.now)
    sentence = note(visit.chat, [Block(say("I understand buttons and commands only. /help lists them."))])
    return Reply([*sentence, *enter(tx, visit, worker, say).letters])


def _written(
    tx: Transaction, visit: Visit, worker: Worker, say: Tongue, campaign: Campaign, question: Question, text: str,
    sent: datetime,
) -> Reply:  # fmt: skip
    """A message while a question waits for words."""
    if not text:
        return _said(visit, say("Only words count here: write your answer as a text message."))
    written = write(tx, worker, campaign, question, text, sent, visit.now)
    old = _stripped(tx, visit, question)
    line = views.became(written, Tap(question.id, question.lease, 0), say, " ".join(text.split()))
    onward = _onward(tx, visit, worker, say, line, views.undo_of(written))
    return Reply([*old, *onward.letters], onward.toast)


def unknown(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """A command that is none."""
    return _said(visit, say("I do not know this command. /help lists those that I know."))


def _tap(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Tap) -> Reply:
    tapped = tap(tx, worker, pressed, visit.now)
    line = views.became(tapped, pressed, say)
    if tapped.outcome not in (*MOVES_ON, Outcome.UNDONE):
        again = worker_marks.out_of_step(tx, visit, worker, say, pressed) if tapped.outcome is Outcome.STALE else None
        return again or Reply(toast=line)
    return _onward(tx, visit, worker, say, line, views.undo_of(tapped))


def _turn(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, turned: Turn) -> Reply:
    """Another page of a question's choices; nothing is kept of it."""
    found = turn(tx, worker, turned.question, turned.lease)
    if isinstance(found, Tapped):
        return Reply(toast=views.became(found, Tap(turned.question, turned.lease, Press.NOT_SURE), say))
    if turned.page == MEANINGS:
        return meanings(found.campaign.draft.glossary, found.item, say, visit.chat)
    if visit.bubble is None:
        return Reply(views.question(found, say, visit.chat))
    try:
        return Reply(views.page(found, say, visit.chat, visit.bubble.number, turned.page))
    except ValueError:
        return Reply(toast=say("This button is out of date. /next shows the open question."))


def _onward(
    tx: Transaction, visit: Visit, worker: Worker, say: Tongue, line: str = "", undo: Tap | None = None
) -> Reply:
    """The consent screen, the next question, or why there is none; a question stands in one bubble only."""
    if worker.campaign is None:
        return Reply(views_worker.campaigns(_open(tx), say, visit.chat), line)
    if not worker.agreed:
        return Reply(views_worker.consent(tx.campaign(worker.campaign), say, visit.chat), line)
    asked = service.ask(tx, worker, worker.campaign, visit.now, visit.house.rng)
    if isinstance(asked, service.Idle):
        if asked in KEPT_OUT:
            return worker_objection.kept_out(tx, visit, worker, tx.campaign(worker.campaign), say, line)
        text = views.resting(asked, say)
        if visit.bubble is not None and not line:
            return Reply(toast=text)  # "look again" found nothing: the bubble says so already
        others = [campaign for campaign in _open(tx) if campaign.id != worker.campaign][:OTHERS]
        return Reply(views.rest(text, visit.chat, line, of_rest(say, undo, others), visit.bubble), line)
    old = _stripped(tx, visit, asked.question) if asked.again else []
    return Reply([*old, *views.question(asked, say, visit.chat, line, undo, visit.bubble)], line)


def _stripped(tx: Transaction, visit: Visit, question: Question) -> list[Letter]:
    """The bubble that shows a question loses its buttons, unless it is the one that was just pressed."""
    number = tx.bubble(question.id)
    here = visit.bubble.number if visit.bubble else None
    return [] if number is None or number == here else [bare(visit.chat, number)]


def _agree(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, version: int) -> Reply:
    if version == CONSENT_VERSION:
        worker = service.consent(tx, worker)
    screen = [bare(visit.chat, visit.bubble.number)] if visit.bubble else []
    onward = enter(tx, replace(visit, bubble=None), worker, say)
    return Reply([*screen, *onward.letters], onward.toast)


def _speak(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, language: str) -> Reply:
    if language not in LANGUAGES:
        return Reply(toast=say("This button is out of date. /next shows the open question."))
    worker = replace(worker, language=language)
    tx.save_worker(worker)
    say = Words.of(language)
    done = Block(say("I speak English now."))
    said = rewritten(visit.chat, visit.bubble.number, [done]) if visit.bubble else note(visit.chat, [done])[0]
    return Reply([said, *enter(tx, replace(visit, bubble=None), worker, say).letters])


def _said(visit: Visit, sentence: str) -> Reply:
    return Reply(note(visit.chat, [Block(sentence)]))


def _latest(tx: Transaction, worker: Worker, state: QuestionState) -> Question | None:
    return None if worker.campaign is None else tx.latest(worker.campaign, worker.id, state)


def _open(tx: Transaction) -> list[Campaign]:
    return [campaign for campaign in tx.campaigns() if campaign.state is CampaignState.OPEN]
