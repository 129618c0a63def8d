"""What the process says of itself: past-tense facts with fields, and no secret in any of them.

The veil is part of the one handler's formatter: whatever a library logs, under whatever name and however its exceptions
quote an address, passes it (naming loggers is not enough: `httpx` becomes `httpx2` one day).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import TextIO
from urllib.parse import quote

import structlog
from structlog.types import Processor

TOKEN = re.compile(r"\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}")  # of a bot
HIDDEN = "<secret>"
SHORTEST = 4  # characters of a secret; hiding a shorter one would hide half the log
TALKATIVE = ("aiohttp", "aiosqlite", "alembic", "apscheduler", "httpcore", "httpx", "PIL", "sqlalchemy", "telegram")


class Veil:
    """Hides bot tokens, and the secrets it is told, in any text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        words = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._secret = re.compile(f"{words}|{TOKEN.pattern}" if words else TOKEN.pattern)

    def over(self, text: str) -> str:
        """The text without secrets."""
        return self._secret.sub(HIDDEN, text)


def _forms(secret: str) -> set[str]:
    """The ways in which libraries write a secret: plain, in an address, in JSON, as Python shows it."""
    spoken = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return spoken | {json.dumps(secret, ensure_ascii=False)[1:-1], ascii(secret)[1:-1]}


class _VeiledFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders an event, traceback and all, and then hides the secrets in it."""

    def __init__(self, veil: Veil, processors: Sequence[Processor], foreign: Sequence[Processor]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign)
        self._veil = veil

    def format(self, record: logging.LogRecord) -> str:
        return self._veil.over(super().format(record))


def set_up(
    secrets: Iterable[str] = (), level: str = "INFO", as_json: bool = False, stream: TextIO | None = None
) -> None:
    """Send everything that is logged in this process to `stream` (standard error), one line an event, veiled."""
    stream = stream or sys.stderr
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_VeiledFormatter(Veil(secrets), _rendering(as_json, stream), common))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel("NOTSET" if root.level <= logging.DEBUG else "WARNING")
    logging.getLogger("apscheduler").setLevel("ERROR")  # that a nudge came while the last one runs is no news
    logging.captureWarnings(True)
    _log_what_nobody_caught()


def _rendering(as_json: bool, stream: TextIO) -> list[Processor]:
    plain = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if as_json:
        return [plain, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The plain traceback: rich's shows local variables, and breaks a token over two lines.
    console = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return [plain, console]


def _log_what_nobody_caught() -> None:
    """Python prints a last traceback itself, past every handler: let it be logged instead."""
    log = logging.getLogger("crowdloop")
    interpreter = sys.__excepthook__

    def last_words(kind: type[BaseException], error: BaseException, trace: object) -> None:
        if issubclass(kind, KeyboardInterrupt):
            interpreter(kind, error, error.__traceback__)
        else:
            log.critical("process.failed", exc_info=error)

    sys.excepthook = last_words
    threading.excepthook = lambda args: log.critical("thread.failed", exc_info=args.exc_value)
