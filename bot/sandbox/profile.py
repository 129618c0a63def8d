"""The Bot API's methods about the bot itself, its commands, chats and files."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.sandbox.methods import Method
from bot.sandbox.telegram import Telegram
from bot.sandbox.wire import Call, Json, bad_request

GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
COMMAND = re.compile(r"[a-z0-9_]{1,32}")


class ProfileMethods:
    """getMe and its neighbours; each takes a call and returns the `result` of the answer."""

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram

    def table(self) -> dict[str, Method]:
        return {
            "getme": self.get_me,
            "logout": lambda _: True,
            "close": lambda _: True,
            "getfile": self.get_file,
            "getchat": self.get_chat,
            "getchatmember": self.get_chat_member,
            "setmycommands": self.set_commands,
            "getmycommands": self.get_commands,
            "deletemycommands": self.delete_commands,
            "setmyname": lambda call: self._rename(call, "name", "first_name", 64),
            "setmydescription": lambda call: self._rename(call, "description", "description", 512),
            "setmyshortdescription": lambda call: self._rename(call, "short_description", "short_description", 120),
            "setchatmenubutton": self.set_menu,
        }

    def get_me(self, _: Call) -> Json:
        cannot = (
            "can_read_all_group_messages",
            "supports_inline_queries",
            "can_connect_to_business",
            "has_main_web_app",
        )
        return self._telegram.bot.user_json() | dict.fromkeys(cannot, False) | {"can_join_groups": True}

    def get_file(self, call: Call) -> Json:
        return self._telegram.files.link(call.text("file_id") or "")

    def get_chat(self, call: Call) -> Json:
        """ChatFullInfo; a person who blocked the bot is still known to it."""
        account = self._telegram.people.get(call.number("chat_id") or 0)
        if account is None or not account.started:
            raise bad_request("chat not found")
        gifts = dict.fromkeys(GIFTS, False)
        extra = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
        return account.chat_json() | extra

    def get_chat_member(self, call: Call) -> Json:
        account = self._telegram.people.get(call.number("chat_id") or 0)
        if account is None or not account.started:
            raise bad_request("chat not found")
        user = call.number("user_id")
        if user == account.id:
            return {"user": account.user_json(), "status": "member"}
        if user != self._telegram.bot.id:
            raise bad_request("invalid user_id specified")
        bot = self._telegram.bot.user_json()
        ban = {"user": bot, "status": "kicked", "until_date": 0}
        return ban if account.blocked else {"user": bot, "status": "member"}

    def set_commands(self, call: Call) -> bool:
        commands = call.parsed("commands", "commands")
        if not isinstance(commands, list):
            raise bad_request("expected an Array of BotCommand")
        if len(commands) > 100:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        self._telegram.bot.commands[_place(call)] = commands
        self._tell()
        return True

    def get_commands(self, call: Call) -> list[Json]:
        return self._telegram.bot.commands.get(_place(call), [])

    def delete_commands(self, call: Call) -> bool:
        self._telegram.bot.commands.pop(_place(call), None)
        self._tell()
        return True

    def set_menu(self, call: Call) -> bool:
        menu = call.parsed("menu_button", "menu button") or {"type": "default"}
        if menu.get("type") not in ("default", "commands", "web_app"):
            raise bad_request("MenuButton has unsupported type")
        self._telegram.bot.menu = menu
        return True

    def _rename(self, call: Call, name: str, attribute: str, longest: int) -> bool:
        words = call.text(name) or ""
        if len(words) > longest:
            raise bad_request(f"bot {name.replace('_', ' ')} is too long")
        if not call.text("language_code"):
            setattr(self._telegram.bot, attribute, words or getattr(self._telegram.bot, attribute))
            self._tell()
        return True

    def _tell(self) -> None:
        for account in self._telegram.people.values():
            account.notice("bot", {})


def _place(call: Call) -> tuple[str, str]:
    scope: Any = call.parsed("scope", "scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), call.text("language_code") or ""


def commands_for(telegram: Telegram, person: int, language: str | None) -> list[Json]:
    """The commands that this person's menu shows: the narrowest scope wins, their language before any."""
    scopes: list[Json] = [
        {"chat_id": person, "type": "chat"},
        {"type": "all_private_chats"},
        {"type": "default"},
    ]
    for scope in scopes:
        for code in dict.fromkeys((language or "", "")):
            found = telegram.bot.commands.get((json.dumps(scope, sort_keys=True), code))
            if found:
                return found
    return []
