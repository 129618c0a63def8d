"""What the bot does and says when an admin writes: each runs inside the update's one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram import views_admin, views_chains, views_reports, views_worker, worker_replies
from bot.telegram.new_campaign import links_in, read_draft
from bot.telegram.paper import Block, note
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core import administration, feeding
from core.campaign import Campaign, Policy
from core.errors import Refused
from core.item import NewItem
from core.ports import Transaction
from core.worker import Worker

NAMES = 8  # campaigns listed in a sentence


def create(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, text: str, policy: Policy) -> Reply:
    """/new: a campaign from one message; bare, how to write one."""
    if len(text.split()) == 1:
        return Reply(views_admin.how_to_describe(say, visit.chat))
    campaign = administration.create_campaign(tx, read_draft(text, policy), visit.now)
    added = [feeding.add_chain(tx, link) for link in links_in(text, campaign.slug)]
    told = views_chains.added(added, say, visit.chat) if added else []
    return Reply([*views_admin.created(campaign, visit.house.username, say, visit.chat), *told])


def add_items(
    tx: Transaction,
    visit: Visit,
    worker: Worker,
    say: Tongue,
    slug: str,
    place: str,
    items: Sequence[NewItem],
    media: Sequence[tuple[bytes, str]] = (),
) -> Reply:
    """A file: all of its items or none."""
    for content, type_ in media:
        tx.add_media(content, type_)
    found = administration.import_items(tx, slug, place, items)
    return Reply(views_admin.imported(found, place, visit.house.username, say, visit.chat))


def campaigns(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/campaigns."""
    found = [administration.status(tx, campaign.slug) for campaign in tx.campaigns()]
    return Reply(views_admin.campaigns(found, visit.house.username, say, visit.chat))


def pause(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str], paused: bool) -> Reply:
    """/pause and /resume."""
    campaign = administration.set_paused(tx, chosen(tx, names).slug, paused)
    if paused:
        sentence = say("{name} is paused: no new questions; answers to open ones still count.", name=campaign.slug)
    else:
        sentence = say("{name} is open.", name=campaign.slug)
    return Reply(note(visit.chat, [Block(sentence)]))


def stats(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/stats: of a campaign; bare, one's own as a worker and then all campaigns."""
    if names:
        found = administration.status(tx, names[0].lower())
        figures = views_reports.figures(visit.house.figures(found.campaign.id), found.campaign, say, visit.chat)
        return Reply([*views_admin.status(found, say, visit.chat), *figures])
    own = () if worker.campaign is None else worker_replies.stats(tx, visit, worker, say).letters
    return Reply([*own, *campaigns(tx, visit, worker, say).letters])


def started(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, sentence: str, slug: str) -> Reply:
    """A long errand runs; its result comes as a message of its own. `sentence` is a message of the catalogue."""
    return Reply(note(visit.chat, [Block(say(sentence, name=slug))]))


def helping(tx: Transaction, visit: Visit, worker: Worker, say: Tongue) -> Reply:
    """/help: what admins can do, then what everybody can."""
    admins = "\n".join(f"/{name} - {text}" for name, text in views_admin.commands(say))
    files = say("Send me a file to add items; write the campaign's name below it, and “controls” if labels are known.")
    everybody = views_worker.helping(views_worker.commands(say), None, say)
    return Reply(note(visit.chat, [Block(admins), Block(files), *everybody]))


def chosen(tx: Transaction, names: Sequence[str]) -> Campaign:
    """The campaign that is named, or the only one; NotFound, or Refused where it is unclear which."""
    if names:
        return tx.campaign_named(names[0].lower())
    found = tx.campaigns()
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused("There is no campaign yet. /new explains how to make one.")
    raise Refused(f"Which campaign? Write its name behind the command: {', '.join(_slugs(found))}.")


def newest(tx: Transaction, name: str | None) -> Campaign:
    """The campaign that is named, or the newest; NotFound."""
    if name is not None:
        return tx.campaign_named(name.lower())
    found = tx.campaigns()
    if not found:
        raise Refused("There is no campaign yet. /new explains how to make one.")
    return max(found, key=lambda campaign: (campaign.created_at, campaign.id))


def _slugs(campaigns: Sequence[Campaign]) -> list[str]:
    return [campaign.slug for campaign in campaigns[:NAMES]] + (["…"] if len(campaigns) > NAMES else [])


