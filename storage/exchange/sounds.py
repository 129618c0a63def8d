"""Sounds: what kind a file is, by its first bytes. They are kept and sent as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_SOUND = 50_000_000  # bytes: what Telegram takes from a bot
BRANDS = (b"M4A ", b"M4B ", b"isom", b"iso2", b"mp41", b"mp42")  # of ISO media files (RFC 4337)


@dataclass(frozen=True, slots=True)
class SoundType:
    """What a kind of sound is called."""

    mime: str
    ending: str  # without it Telegram takes the file for a document


MP3, OGG = SoundType("audio/mpeg", ".mp3"), SoundType("audio/ogg", ".ogg")
WAV, M4A = SoundType("audio/wav", ".wav"), SoundType("audio/mp4", ".m4a")
ENDINGS: Mapping[str, SoundType] = {kind.ending: kind for kind in (MP3, OGG, WAV, M4A)}


def sound_type(content: bytes) -> SoundType | None:
    """None for what is no sound that is taken here."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return WAV
    if content[:4] == b"OggS":
        return OGG
    if content[4:8] == b"ftyp" and content[8:12] in BRANDS:
        return M4A
    layer_three = len(content) > 3 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2  # a frame's first eleven bits
    return MP3 if content[:3] == b"ID3" or layer_three else None


def name_of(content: bytes) -> str | None:
    """A name under which a messenger plays it, and which tells nothing; None where it is no sound."""
    kind = sound_type(content)
    return None if kind is None else f"sound{kind.ending}"
