"""What a worker reads about what is kept of them (pure)."""

from __future__ import annotations

from bot.telegram.callbacks import Forget
from bot.telegram.keyboards import Button, Markup, markup
from bot.telegram.paper import Block
from bot.telegram.words import Tongue
from core.forgetting import Owed


def kept(say: Tongue) -> list[Block]:
    """/privacy."""
    return [
        Block(
            say(
                "I keep your Telegram number, your language, your answers with the time they took, how reliable they "
                "are, and what you earned."
            )
        ),
        Block(
            say(
                "This is for asking you, for weighing answers and for paying you; it stays until you ask to be "
                "forgotten. What you send is kept for about a day, so that nothing gets lost, and what I sent a little "
                "longer."
            )
        ),
        Block(
            say(
                "Admins see you under a made-up name, another one in each campaign. Files of results name you anew "
                "each time and never hold your number. A network learns from answers, not from who you are."
            )
        ),
        Block(
            say(
                "/forget_me removes everything that says who you are, at once, and your answers too if you like. What "
                "you earned stays in the books under the made-up name. If you are suspended or banned in a campaign, "
                "a scrambled form of your number stays, so that you are there too if you come back."
            )
        ),
    ]


def question(found: Owed, say: Tongue) -> list[Block]:
    """What /forget_me means, before anything changes."""
    money = say.money(found.amount, found.currency) if found.amount else ""
    return [
        Block(
            say(
                "Shall I forget you? Your number, your language and our messages go at once, and nobody can bring them "
                "back. Your answers can stay without your name, or go too; what a network has learned from them stays "
                "in it until a newer one serves."
            )
        ),
        Block(
            say(
                "By the books you are owed {amount}. It stays yours: you get a code with which an admin finds it.",
                amount=money,
            )
            if money
            else say("By the books nothing is owed to you.")
        ),
    ]


def choice(say: Tongue, worker: int, asked: int) -> Markup:
    """The buttons below it."""
    wordings = {
        "k": say("Forget me, keep my answers without my name"),
        "a": say("Forget me and my answers"),
        "n": say("Cancel"),
    }
    return markup([[Button(text, Forget(worker, asked, word))] for word, text in wordings.items()])


def goodbye(found: Owed, answers: bool, say: Tongue) -> list[Block]:
    """The last word, with what an admin needs to find the pay."""
    done = (
        say("You are forgotten, and your answers count no more.")
        if answers
        else say("You are forgotten; your answers stay without your name.")
    )
    codes = "\n".join(f"{one.campaign.slug} {one.pseudonym}" for one in found.receipts)
    claim = (
        say(
            "You are owed {amount}. Keep this code: whoever shows it to an admin can claim it.",
            amount=say.money(found.amount, found.currency),
        )
        if found.amount
        else ""
    )
    blocks = [Block(done), Block(claim), Block(codes if found.amount else "", "pre"), Block(say("/start begins anew."))]
    return [block for block in blocks if block.text]
