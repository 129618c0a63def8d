"""A Telegram of one's own on loopback: Bot API server, chat page, simulated workers. No token needed."""

from bot.sandbox.delivery import Patience
from bot.sandbox.faults import Kind
from bot.sandbox.media import unique_id
from bot.sandbox.people import Button, Person, Phone, Shown
from bot.sandbox.records import TapAnswer
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.world import ADMIN, TOKEN, WORKER, Persona

__all__ = [
    "ADMIN",
    "TOKEN",
    "WORKER",
    "Button",
    "Kind",
    "Patience",
    "Person",
    "Persona",
    "Phone",
    "Sandbox",
    "Shown",
    "TapAnswer",
    "unique_id",
]
