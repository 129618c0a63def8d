"""The Bot API's methods that write messages, over Telegram's memory, with Telegram's checks and words."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from bot.sandbox.markup import formatted, keyboard
from bot.sandbox.media import StoredFile
from bot.sandbox.records import Account, Content, Message
from bot.sandbox.telegram import Telegram
from bot.sandbox.wire import Call, Json, Refusal, bad_request

ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
    "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
SENDING = {"sendmessage", "sendphoto", "sendaudio", "sendvoice", "senddocument", "sendmediagroup"}
Method = Callable[[Call], Any]


class MessageMethods:
    """send..., edit..., delete and answer; each takes a call and returns the `result` of the answer."""

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram
        self._albums = count(13_000_000_000_000_001)

    def table(self) -> dict[str, Method]:
        """Methods by lower-case name: Telegram does not mind the case."""
        return {
            "sendmessage": self.send_message,
            "sendphoto": lambda call: self.send_file(call, "photo"),
            "sendaudio": lambda call: self.send_file(call, "audio"),
            "sendvoice": lambda call: self.send_file(call, "voice"),
            "senddocument": lambda call: self.send_file(call, "document"),
            "sendmediagroup": self.send_media_group,
            "sendchataction": self.send_chat_action,
            "editmessagetext": self.edit_text,
            "editmessagecaption": self.edit_caption,
            "editmessagemedia": self.edit_media,
            "editmessagereplymarkup": self.edit_keyboard,
            "deletemessage": self.delete,
            "answercallbackquery": self.answer,
        }

    def chat(self, call: Call) -> Account:
        identity = call.number("chat_id")
        if identity is None:
            raise bad_request("chat_id is empty")
        return self._telegram.reachable(identity)

    def send_message(self, call: Call) -> Json:
        chat = self.chat(call)
        text, entities = _words(call.fields, "text", "entities", call)
        return self._post(call, chat, Content(text, entities))

    def send_file(self, call: Call, kind: str) -> Json:
        chat = self.chat(call)
        if call.uploads.get(kind) is None and not call.text(kind):
            raise bad_request(f"there is no {kind} in the request")
        file = self._file(call, kind, call.text(kind) or f"attach://{kind}")
        return self._post(call, chat, _captioned(call.fields, file, call))

    def send_media_group(self, call: Call) -> list[Json]:
        chat = self.chat(call)
        media = call.parsed("media", "media")
        if not isinstance(media, list) or not media:
            raise bad_request("there are no messages to send")
        if not 2 <= len(media) <= 10:
            raise bad_request("media group must include 2-10 items")
        contents = [self._medium(call, medium) for medium in media]
        album = str(next(self._albums))
        return [self._telegram.post(chat, content, album=album).as_json() for content in contents]

    def send_chat_action(self, call: Call) -> bool:
        chat, action = self.chat(call), call.text("action")
        if action not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        chat.notice("action", {"action": action})
        return True

    def edit_text(self, call: Call) -> Json:
        message = self._message(call)
        text, entities = _words(call.fields, "text", "entities", call)
        if message.content.file is not None:
            raise bad_request("there is no text in the message to edit")
        return self._edit(call, message, Content(text, entities))

    def edit_caption(self, call: Call) -> Json:
        message = self._message(call)
        if message.content.file is None:
            raise bad_request("there is no caption in the message to edit")
        return self._edit(call, message, _captioned(call.fields, message.content.file, call))

    def edit_media(self, call: Call) -> Json:
        message = self._message(call)
        medium = call.parsed("media", "media")
        if not isinstance(medium, dict):
            raise bad_request("media expected")
        if message.content.file is None:
            raise bad_request("there is no media in the message to edit")
        return self._edit(call, message, self._medium(call, medium))

    def edit_keyboard(self, call: Call) -> Json:
        message = self._message(call)
        return self._edit(call, message, message.content)

    def delete(self, call: Call) -> bool:
        self._telegram.delete(self.chat(call), call.number("message_id"))
        return True

    def answer(self, call: Call) -> bool:
        query = call.text("callback_query_id") or ""
        self._telegram.answer(query, call.text("text") or "", call.flag("show_alert"), call.text("url"))
        return True

    def _message(self, call: Call) -> Message:
        if call.text("inline_message_id"):
            raise bad_request("MESSAGE_ID_INVALID")
        if call.number("message_id") is None:
            raise bad_request("message identifier is not specified")
        return self._telegram.editable(self.chat(call), call.number("message_id"))

    def _post(self, call: Call, chat: Account, content: Content) -> Json:
        buttons = keyboard(call.parsed("reply_markup", "reply keyboard markup"))
        reply = call.parsed("reply_parameters", "reply parameters") or {}
        target = None if reply.get("allow_sending_without_reply") else reply.get("message_id")
        return self._telegram.post(chat, content, buttons, reply_to=target).as_json()

    def _edit(self, call: Call, message: Message, content: Content) -> Json:
        buttons = keyboard(call.parsed("reply_markup", "reply keyboard markup"))
        return self._telegram.edit(message, content, buttons).as_json()

    def _medium(self, call: Call, medium: Json) -> Content:
        kind = str(medium.get("type"))
        if kind not in ("photo", "document", "audio"):
            raise bad_request(f"can't parse InputMedia: type {kind} is unsupported")
        return _captioned(medium, self._file(call, kind, str(medium.get("media", ""))), call)

    def _file(self, call: Call, kind: str, reference: str) -> StoredFile:
        """The file of a reference: an upload of this call or a `file_id`; no address, there is no network."""
        if reference.startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")
        if not reference.startswith("attach://"):
            return self._telegram.files.by_id(reference, kind)
        upload = call.uploads.get(reference.removeprefix("attach://"))
        if upload is None:
            raise bad_request(f"there is no {kind} in the request")
        return self._telegram.files.put(kind, upload)


def _words(fields: Json, text: str, entities: str, call: Call) -> tuple[str, tuple[Json, ...]]:
    given = call.parsed(entities, "entities") if fields is call.fields else fields.get(entities)
    return formatted(str(fields.get(text) or ""), fields.get("parse_mode"), given)


def _captioned(fields: Json, file: StoredFile, call: Call) -> Content:
    caption, entities = _words(fields, "caption", "caption_entities", call)
    return Content(caption, entities, file)


def not_found() -> Refusal:
    return Refusal(404, "Not Found")
