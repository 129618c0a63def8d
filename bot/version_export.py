"""`crowdloop version export`: a version as a Hugging Face folder. A door to torch."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bot.serving import serving_of
from bot.settings import Settings
from core.campaign import Kind
from core.errors import Refused
from storage.archive import SqlArchive
from storage.engine import parse
from storage.exchange.glossary_csv import glossary_csv
from storage.migrations import pending
from training.export import export
from training.export_onnx import onnx_writers
from training.speaker import Speaker
from training.word_reader import WordReader


def run(settings: Settings, slug: str, folder: Path, wanted: str = "", onnx: bool = False, int8: bool = False) -> int:
    """Writes the folder and says what is in it. The exit status.

    Raises NotFound and Refused where there is no such version, VersionRefused where it cannot be exported.
    """
    if pending(settings.storage.url):
        raise Refused("The schema of the database is not the newest: run `crowdloop migrate` (serve does it too).")
    archive = SqlArchive(parse(settings.storage.url))
    serving = serving_of(archive, settings, slug, wanted)
    further = onnx_writers(int8) if onnx or int8 else []
    labels, words = serving.campaign.labels, serving.campaign.draft.kind is Kind.SPANS
    speaker = WordReader(serving.folder, labels[0]) if words else Speaker(serving.folder, labels)
    told = glossary_csv(serving.campaign.draft.glossary) if serving.campaign.draft.glossary else ""
    known = {version.id: version.withdrawn for version in archive.versions(serving.campaign.id)}
    exported = export(speaker, folder, serving.campaign.draft.title, told, further, known.get(serving.version, 0))
    console = Console(highlight=False)
    console.print(f"Version {serving.version[:12]} of {slug} is in {folder}.")
    for file, gap in exported.differences.items():
        size = (folder / file).stat().st_size / 1e6
        console.print(f"  {file}: {size:.1f} MB, probabilities within {gap:.1g} of the version's own")
    return 0
