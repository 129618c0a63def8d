"""The settings: config.toml, overridden by the environment. Read here and nowhere else."""

from __future__ import annotations

import os
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.campaign import Goal, Policy
from core.errors import BadInput

SECRETS = ("token", "webhook_secret", "predict_token")


class Section(BaseModel):
    """A section: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _numbers(value: Any) -> Any:
    """The environment writes a list of ids as `12,34` or `[12, 34]`."""
    return [part for part in value.strip("[] ").split(",") if part.strip()] if isinstance(value, str) else value


class Telegram(Section):
    token: SecretStr = SecretStr("")
    token_file: str = ""
    base_url: str = "https://api.telegram.org/bot"
    base_file_url: str = "https://api.telegram.org/file/bot"
    admins: Annotated[frozenset[int], NoDecode, BeforeValidator(_numbers)] = frozenset()
    updates: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretStr = SecretStr("")

    def secret_token(self) -> str:
        """The bot's token, from the environment or its file; BadInput where there is none."""
        if self.token.get_secret_value():
            return self.token.get_secret_value()
        if self.token_file:
            try:
                return Path(self.token_file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise BadInput("telegram.token_file", f"cannot be read ({error.strerror}).") from error
        raise BadInput("telegram.token", "is missing: set CROWDLOOP_TELEGRAM__TOKEN, or name a file in token_file.")


class Web(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    predict_token: SecretStr = SecretStr("")


class Storage(Section):
    url: str = "sqlite:///state/crowdloop.db"
    versions: Path = Path("state/versions")


class Training(Section):
    train_at: time = time(3, 0)
    refit_minutes: float = Field(default=5.0, gt=0)
    base: str = ""
    vision_base: str = ""
    method: Literal["lora", "rslora", "dora", "adalora", "ia3", "prefix", "full", "head"] = "lora"
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=0.0, ge=0)
    hours: float = Field(default=4.0, gt=0)
    search: Literal["off", "weekly"] = "off"
    search_hours: float = Field(default=1.0, gt=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    promotion_confidence: float = Field(default=0.8, gt=0.5, lt=1)
    keep_versions: int = Field(default=10, ge=0)
    trackers: tuple[Literal["wandb", "mlflow"], ...] = ()


class PolicyDefaults(Section):
    goal: Goal = Goal.LABELS
    confidence: float = 0.95
    min_overlap: int = 2
    max_overlap: int = 7
    lease_minutes: float = Field(default=20.0, gt=0)
    undo_minutes: float = Field(default=10.0, ge=0)
    control_share: float = 0.05
    newcomer_controls: int = 4
    suspension: float = 0.01
    audit_share: float = 0.1
    head: int = 32
    network_weight: float = 1.0
    pay: int = 0
    currency: str = "EUR"
    shadow_nights: int = 0

    def policy(self) -> Policy:
        """The policy of campaigns that do not say otherwise."""
        fields = self.model_dump(exclude={"lease_minutes", "undo_minutes"})
        lease, undo = timedelta(minutes=self.lease_minutes), timedelta(minutes=self.undo_minutes)
        return Policy(**fields, lease=lease, undo=undo)


class Settings(BaseSettings):
    """All settings. Build them with `read_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="CROWDLOOP_", env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    telegram: Telegram = Telegram()
    web: Web = Web()
    storage: Storage = Storage()
    training: Training = Training()
    policy: PolicyDefaults = PolicyDefaults()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file."""
        return env_settings, init_settings


def read_settings(path: Path | None = None) -> Settings:
    """Settings from `path` (or ./config.toml where it is there) and the environment; BadInput names file and key."""
    file = path or Path("config.toml")
    found = _table(file) if path or file.exists() else {}
    _check_known(file, found)
    _check_environment()
    try:
        settings = Settings(**found)
        settings.policy.policy()
    except ValidationError as error:
        raise _first_fault(file, error) from None
    except BadInput as error:
        raise BadInput(f"{file}, {error.place}", error.reason) from None
    return settings


def _check_environment() -> None:
    for name in os.environ:
        section, nested, _ = name.removeprefix("CROWDLOOP_").partition("__")
        known = section.lower() in Settings.model_fields
        if name.startswith("CROWDLOOP_") and known != bool(nested):
            sections = ", ".join(f"CROWDLOOP_{known.upper()}__KEY" for known in Settings.model_fields)
            raise BadInput(f"environment, {name}", f"is unknown; settings are named {sections}.")


def _table(file: Path) -> dict[str, Any]:
    if not file.exists():
        raise BadInput(str(file), "is not there; name another file with --config.")
    try:
        return TomlConfigSettingsSource(Settings, toml_file=file)()
    except ValueError as error:  # tomllib's errors name line and column
        raise BadInput(str(file), f"is not TOML: {error}.") from None


def _check_known(file: Path, found: dict[str, Any]) -> None:
    for section, keys in found.items():
        field = Settings.model_fields.get(section)
        if field is None:
            raise BadInput(f"{file}, [{section}]", f"is no section; there are {', '.join(Settings.model_fields)}.")
        if not isinstance(keys, dict):
            raise BadInput(f"{file}, {section}", "is a section: write its keys under [" + section + "].")
        _check_keys(file, section, keys, field.annotation)


def _check_keys(file: Path, section: str, keys: dict[str, Any], model: Any) -> None:
    known = [key for key in model.model_fields if key not in SECRETS]
    for key in keys:
        place = f"{file}, [{section}] {key}"
        if key in SECRETS:
            name = f"CROWDLOOP_{section}__{key}".upper()
            raise BadInput(place, f"is a secret and does not belong into the file; set {name}.")
        if key not in known:
            raise BadInput(place, f"is unknown; [{section}] has {', '.join(known)}.")


def _first_fault(file: Path, error: ValidationError) -> BadInput:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    name = "CROWDLOOP_" + "__".join(path[:2]).upper()
    place = f"environment, {name}" if name in os.environ else f"{file}, [{path[0]}] {' '.join(path[1:2])}".rstrip()
    if first["type"] == "extra_forbidden":
        field = Settings.model_fields.get(path[0])
        model: Any = field.annotation if field and len(path) > 1 else Settings
        return BadInput(f"environment, {name}", f"is unknown; known are {', '.join(model.model_fields)}.")
    return BadInput(place, f"{first['msg'][0].lower()}{first['msg'][1:]}.")
