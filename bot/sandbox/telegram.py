"""Telegram's memory of one bot: people, messages, taps, and the updates that come of them. No HTTP here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from bot.sandbox.markup import Keyboard, formatted, units
from bot.sandbox.media import Files
from bot.sandbox.records import MESSAGE_LIVES, TAP_LIVES, Account, Content, Message, Query, TapAnswer, Update
from bot.sandbox.wire import Json, Refusal, bad_request

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(slots=True)
class BotAccount:
    """The bot as people see it."""

    id: int
    first_name: str = "Crowdloop"
    username: str = "crowdloop_bot"
    description: str = ""
    short_description: str = ""
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # (scope, language) -> commands
    menu: Json = field(default_factory=lambda: {"type": "commands"})

    def user_json(self) -> Json:
        return {"id": self.id, "is_bot": True, "first_name": self.first_name, "username": self.username}


class Telegram:
    """The state of one bot's Telegram; every accepted update goes to `outlet`."""

    def __init__(self, bot: BotAccount, clock: Callable[[], float], outlet: Callable[[Update], None]) -> None:
        self.bot = bot
        self.clock = clock
        self.outlet = outlet
        self.files = Files()
        self.people: dict[int, Account] = {}
        self.history: dict[int, dict[int, Message]] = {}  # chat id -> message id -> message
        self.duplicated: Callable[[], bool] = lambda: False  # does the app send this tap twice?
        self._queries: dict[str, Query] = {}
        self._message_ids = count(1)
        self._update_ids = count(100_000_001)
        self._query_ids = count(4_000_000_000_001)

    def account(self, person: int, first_name: str, username: str | None, language_code: str | None) -> Account:
        """The account with this id; made on first sight, renamed on later ones."""
        account = self.people.setdefault(person, Account(person, first_name))
        account.first_name, account.username, account.language_code = first_name, username, language_code
        self.history.setdefault(person, {})
        return account

    # --- what the bot asks for ---

    def reachable(self, chat_id: int) -> Account:
        """The chat, if the bot may write there; raises Refusal as Telegram does."""
        account = self.people.get(chat_id)
        if account is None or not account.started:
            raise bad_request("chat not found")
        if account.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        return account

    def post(
        self,
        chat: Account,
        content: Content,
        keyboard: Keyboard = (),
        album: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        """A new message of the bot; raises Refusal for empty or too long words."""
        _check(content)
        message = self._add(chat, self.bot.user_json(), content, keyboard, album, reply_to)
        chat.notice("message", {"id": message.id})
        return message

    def _add(
        self,
        chat: Account,
        sender: Json,
        content: Content,
        keyboard: Keyboard = (),
        album: str | None = None,
        reply_to: int | None = None,
    ) -> Message:
        answered = self.history[chat.id].get(reply_to) if reply_to is not None else None
        if reply_to is not None and answered is None:
            raise bad_request("message to be replied not found")
        now = int(self.clock())
        message = Message(next(self._message_ids), chat, sender, now, content, keyboard, album=album, reply_to=answered)
        self.history[chat.id][message.id] = message
        return message

    def editable(self, chat: Account, message_id: int | None) -> Message:
        message = self.history[chat.id].get(message_id or 0)
        if message is None:
            raise bad_request("message to edit not found")
        if not message.by_bot:
            raise bad_request("message can't be edited")
        return message

    def edit(self, message: Message, content: Content, keyboard: Keyboard) -> Message:
        """Change a message in place; raises Refusal where nothing would change."""
        _check(content)
        if content == message.content and keyboard == message.keyboard:
            raise bad_request(NOT_MODIFIED)
        message.content, message.keyboard = content, keyboard
        message.edited_at, message.version = int(self.clock()), message.version + 1
        message.chat.notice("edited", {"id": message.id})
        return message

    def delete(self, chat: Account, message_id: int | None) -> None:
        message = self.history[chat.id].get(message_id or 0)
        if message is None:
            raise bad_request("message to delete not found")
        if self.clock() - message.date > 48 * 3600:
            raise bad_request("message can't be deleted for everyone")
        del self.history[chat.id][message.id]
        chat.notice("deleted", {"id": message.id})

    def answer(self, query_id: str, text: str, alert: bool, url: str | None) -> None:
        """Close the spinner of a tap, once, within its time; raises Refusal otherwise."""
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        query = self._queries.pop(query_id, None)
        if query is None or self.clock() - query.asked_at > TAP_LIVES:
            raise bad_request(TOO_OLD)
        query.account.answers.append(TapAnswer(query_id, text, alert, url))
        query.account.notice("answer", {"query": query_id, "text": text, "alert": alert, "url": url})

    # --- what a person does ---

    def say(self, account: Account, source: str, reply_to: int | None = None) -> Message:
        """A person writes; empty and endless words are refused, as by their app."""
        text, entities = formatted(source, None, None)
        return self.send(account, Content(text, entities), reply_to)

    def send(self, account: Account, content: Content, reply_to: int | None = None) -> Message:
        _check(content)
        if account.blocked:
            self.unblock(account)
        account.started = True
        message = self._add(account, account.user_json(), content, reply_to=reply_to)
        account.notice("message", {"id": message.id})
        self._emit("message", message.as_json(), account, ("chat", account.id), MESSAGE_LIVES)
        return message

    def tap(self, account: Account, message_id: int, payload: str) -> str:
        """A person taps a button; the id of the query."""
        query = self._tap(account, message_id, payload)
        if self.duplicated():  # the app sent the query again: a new update (levlam, telegram-bot-api#699)
            self._tap(account, message_id, payload)
        return query

    def _tap(self, account: Account, message_id: int, payload: str) -> str:
        message = self.history[account.id].get(message_id)
        gone: Json = {"message_id": message_id, "chat": account.chat_json(), "date": 0}
        query = Query(str(next(self._query_ids)), account, self.clock())
        self._queries[query.id] = query
        body: Json = {
            "id": query.id,
            "from": account.user_json(),
            "message": message.as_json() if message else gone,
            "chat_instance": str(-7_000_000_000 - account.id),
            "data": payload,
        }
        self._emit("callback_query", body, account, ("user", account.id), TAP_LIVES)
        return query.id

    def block(self, account: Account) -> None:
        account.blocked = True
        self._membership(account, "member", "kicked")

    def unblock(self, account: Account) -> None:
        account.blocked = False
        self._membership(account, "kicked", "member")

    def _membership(self, account: Account, old: str, new: str) -> None:
        bot = self.bot.user_json()
        ban = {"until_date": 0}
        states = {
            "member": {"user": bot, "status": "member"},
            "kicked": {"user": bot, "status": "kicked"} | ban,
        }
        body: Json = {
            "chat": account.chat_json(),
            "from": account.user_json(),
            "date": int(self.clock()),
            "old_chat_member": states[old],
            "new_chat_member": states[new],
        }
        self._emit("my_chat_member", body, account, ("chat", account.id), MESSAGE_LIVES)

    def _emit(self, kind: str, body: Json, account: Account, queue: tuple[str, int], lives: float) -> None:
        self.outlet(Update(next(self._update_ids), kind, body, account.id, queue, self.clock(), lives))


def _check(content: Content) -> None:
    if content.file is None and not content.text:
        raise bad_request("message text is empty")
    if content.file is None and units(content.text) > LONGEST_TEXT:
        raise bad_request("message is too long")
    if content.file is not None and units(content.text) > LONGEST_CAPTION:
        raise bad_request("message caption is too long")
