"""Files that Telegram keeps: by content, with ids that can be sent again and paths that can be downloaded."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath

from PIL import Image, UnidentifiedImageError

from bot.sandbox.wire import Json, Refusal, Upload, bad_request

PREFIX = {"photo": "AgACAgI", "document": "BQACAgI", "audio": "CQACAgI", "voice": "AwACAgI"}
FOLDER = {"photo": "photos", "document": "documents", "audio": "music", "voice": "voice"}
TITLE = {"photo": "Photo", "document": "Document", "audio": "Audio", "voice": "VoiceNote"}
LARGEST_PHOTO = 10 * 2**20  # bytes
LARGEST_DOWNLOAD = 20 * 2**20  # bytes


def unique_id(content: bytes) -> str:
    """The `file_unique_id` that this Telegram gives to `content`: the same for the same bytes, always."""
    return "AQAD" + urlsafe_b64encode(hashlib.sha256(content).digest()[:9]).decode()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of one kind; width and height in pixels, 0 where they mean nothing."""

    kind: str
    file_id: str
    unique_id: str
    content: bytes
    name: str
    mime: str
    width: int = 0
    height: int = 0

    @property
    def path(self) -> str:
        return f"{FOLDER[self.kind]}/{self.unique_id}{PurePath(self.name).suffix}"

    def as_json(self) -> Json:
        """What a message carries under the file's kind."""
        common: Json = {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": len(self.content),
        }
        match self.kind:
            case "photo":
                return common | {"width": self.width, "height": self.height}
            case "document":
                return common | {"file_name": self.name, "mime_type": self.mime}
            case "audio":
                return common | {"duration": 1, "file_name": self.name, "mime_type": self.mime}
            case _:
                return common | {"duration": 1, "mime_type": self.mime}


def _size(content: bytes) -> tuple[int, int]:
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
            return image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, ValueError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None


class Files:
    """The shelf of files: put by upload, found by `file_id` or by path."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}

    def put(self, kind: str, upload: Upload) -> StoredFile:
        """Keep an upload; raises Refusal where it is empty, too big or not the picture it should be."""
        if not upload.content:
            raise bad_request("file must be non-empty")
        if kind == "photo" and len(upload.content) > LARGEST_PHOTO:
            raise Refusal(413, "Request Entity Too Large")
        identity = unique_id(upload.content)
        file_id = PREFIX[kind] + identity + unique_id(upload.name.encode())[4:]
        known = self._by_id.get(file_id)
        if known is not None:
            return known
        width, height = _size(upload.content) if kind == "photo" else (0, 0)
        if kind == "photo" and (width + height > 10_000 or max(width, height) > 20 * min(width, height)):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        name = upload.name if kind != "photo" else "photo.jpg"
        file = StoredFile(kind, file_id, identity, upload.content, name, upload.mime, width, height)
        self._by_id[file_id] = self._by_path[file.path] = file
        return file

    def by_id(self, file_id: str, kind: str | None = None) -> StoredFile:
        """The file of an id, of the kind asked for; raises Refusal in Telegram's words."""
        file = self._by_id.get(file_id)
        if file is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if kind is not None and file.kind != kind:
            raise bad_request(f"can't use file of type {TITLE[file.kind]} as {TITLE[kind]}")
        return file

    def by_path(self, path: str) -> StoredFile | None:
        return self._by_path.get(path)

    def link(self, file_id: str) -> Json:
        """The File object of `getFile`; raises Refusal for an unknown or too large file."""
        file = self._by_id.get(file_id)
        if file is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if len(file.content) > LARGEST_DOWNLOAD:
            raise bad_request("file is too big")
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.content),
            "file_path": file.path,
        }
