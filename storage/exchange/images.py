"""Images: what kind a file is, and two of them side by side."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from core.errors import BadInput

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
MOST_PIXELS = 40_000_000
MOST_SIDES = 10_000  # width and height together, Telegram's limit for photos
HEIGHT = 960  # pixels of two images side by side, at most
STRIP, GAP = 72, 24  # pixels: above them, with their letters, and between them


def image_type(place: str, file: bytes) -> str:
    """The image's type; BadInput where it is none, or none that a messenger shows."""
    try:
        with Image.open(io.BytesIO(file), formats=list(TYPES)) as image:
            width, height = image.size
            if not shown(width, height):
                raise BadInput(place, f"is {width} x {height} pixels, which Telegram does not show; make it smaller.")
            image.load()
            return TYPES[image.format or ""]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise BadInput(place, "is not an image (PNG, JPEG or WebP) or a sound (MP3, OGG, WAV or M4A).") from None


def shown(width: int, height: int) -> bool:
    """Whether Telegram shows an image of this size."""
    small = width * height <= MOST_PIXELS and width + height <= MOST_SIDES
    return small and max(width, height) <= 20 * min(width, height)


def side_by_side(place: str, first: bytes, second: bytes) -> bytes:
    """Two images of one height under the letters A and B, as PNG; BadInput where Telegram would not show them."""
    images = [ImageOps.exif_transpose(Image.open(io.BytesIO(one))).convert("RGB") for one in (first, second)]
    height = min(HEIGHT, max(image.height for image in images))
    images = [image.resize((max(1, round(image.width * height / image.height)), height)) for image in images]
    width = images[0].width + GAP + images[1].width
    if not shown(width, STRIP + height):
        raise BadInput(place, f"would be {width} x {STRIP + height} pixels side by side, which Telegram does not show.")
    sheet, at = Image.new("RGB", (width, STRIP + height), "white"), 0
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(STRIP * 3 // 4)
    for letter, image in zip("AB", images, strict=True):
        draw.text((at + image.width / 2, STRIP / 2), letter, "black", font, anchor="mm")
        sheet.paste(image, (at, STRIP))
        at += image.width + GAP
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
