"""What a ZIP holds; hostile archives are refused before they are unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import PurePosixPath

from core.errors import BadInput
from storage.exchange.sounds import ENDINGS, MOST_SOUND

MOST_FILES = 5_000
MOST_BYTES = 10_000_000  # of one image: Telegram's limit for photos
MOST_IN_ALL = 120_000_000
MOST_RATIO = 100  # unpacked to packed


def files_of(place: str, content: bytes) -> dict[str, bytes]:
    """Name -> bytes of what counts in an archive, within the bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise BadInput(place, f"holds {len(entries):,} files; at most {MOST_FILES:,} are allowed.")
            wanted = [entry for entry in entries if _counts(entry)]
            for entry in wanted:
                _check(f"{place}, {entry.filename}", entry)
            if sum(entry.file_size for entry in wanted) > MOST_IN_ALL:
                raise BadInput(place, f"unpacks to more than {MOST_IN_ALL // 1_000_000} MB; split it.")
            return {entry.filename: _unpacked(place, archive, entry) for entry in wanted}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise BadInput(place, f"is no readable ZIP file ({error}).") from None


def _counts(entry: zipfile.ZipInfo) -> bool:
    """Folders and what operating systems leave behind do not count."""
    path = PurePosixPath(entry.filename)
    return not (entry.is_dir() or path.name.startswith(".") or path.parts[:1] == ("__MACOSX",))


def _check(place: str, entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
        raise BadInput(place, "has a path that leads out of the archive.")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise BadInput(place, "is a link or a device, not a file.")
    if entry.flag_bits & 1:
        raise BadInput(place, "is encrypted; send the archive without a password.")
    most = MOST_SOUND if path.suffix.lower() in ENDINGS else MOST_BYTES
    if entry.file_size > most:
        raise BadInput(place, f"has {entry.file_size / 1e6:.0f} MB; at most {most // 1_000_000} are allowed.")
    if entry.file_size > MOST_RATIO * max(entry.compress_size, 1_000):
        raise BadInput(place, f"is packed more than {MOST_RATIO} to 1, as no image or sound is.")


def _unpacked(place: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        found = file.read(entry.file_size + 1)
    if len(found) != entry.file_size:
        raise BadInput(f"{place}, {entry.filename}", "is not as long as the archive says.")
    return found
