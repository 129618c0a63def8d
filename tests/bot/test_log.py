"""No secret in what the process says, whoever says it and however."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import httpx
import pytest
import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.log import Veil, set_up
from bot.telegram.transport import AiohttpRequest

TOKEN = "7654321098:AAcanaryCanaryCanaryCanaryCanary_-123"
SECRET = 'hook"säcret/+canary'
PASSWORD = "p4ss-w0rd-canary"
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=[True, False], ids=["json", "console"])
def page(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What has been logged, at DEBUG; the process's logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    stream = io.StringIO()
    set_up([TOKEN, SECRET, PASSWORD], "DEBUG", request.param, stream)
    yield stream
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def assert_clean(text: str) -> None:
    for canary in (TOKEN, "AAcanary", SECRET, "säcret", "s\\u00e4cret", quote(SECRET), PASSWORD):
        assert canary not in text
    assert "<secret>" in text


def test_every_shape_of_a_secret_is_hidden(page: io.StringIO) -> None:
    log = structlog.get_logger("crowdloop")
    log.info("webhook.set", url=f"https://x/{quote(SECRET, safe='')}", secret=SECRET, body=json.dumps({"s": SECRET}))
    log.info("shown", shown=repr(SECRET), nested={"token": TOKEN, "list": [PASSWORD]})
    logging.getLogger("somebody.elses").warning("GET https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("httpx2").info("HTTP Request: %s", quote(f"/bot{TOKEN}/getMe", safe=""))
    warnings.warn(f"password {PASSWORD}", stacklevel=1)
    assert_clean(page.getvalue())
    assert "webhook.set" in page.getvalue() and "GET https://api.telegram.org/bot" in page.getvalue()


@pytest.mark.parametrize("colon", [":", "%3A", "%3a"])
def test_a_token_is_hidden_that_nobody_configured(page: io.StringIO, colon: str) -> None:
    address = f"https://api.telegram.org/bot111222333{colon}BBcanaryCanaryCanaryCanaryCanary_-12/getMe"
    structlog.get_logger().info("found", url=address)
    assert "BBcanary" not in page.getvalue() and "<secret>" in page.getvalue()


def test_exceptions_are_veiled_to_their_deepest_cause(page: io.StringIO) -> None:
    try:
        try:
            raise OSError(f"cannot reach /bot{TOKEN}/sendMessage")
        except OSError as error:
            raise RuntimeError(f"password was {PASSWORD!r}, secret {SECRET!r}") from error
    except RuntimeError:
        structlog.get_logger().exception("sending.failed")
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    assert_clean(page.getvalue())
    assert page.getvalue().count("RuntimeError") >= 2


async def test_the_libraries_that_talk_to_telegram(page: io.StringIO) -> None:
    bot = Bot(TOKEN, base_url="http://127.0.0.1:9/bot", request=AiohttpRequest(), get_updates_request=AiohttpRequest())
    with pytest.raises(TelegramError):
        await bot.initialize()
    with pytest.raises(TelegramError):
        await bot.set_webhook("https://x", secret_token=SECRET)
    await bot.shutdown()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:9/bot{TOKEN}/getMe")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:9/bot{TOKEN}/getMe")

    async def fails() -> None:
        raise RuntimeError(f"https://api.telegram.org/file/bot{TOKEN}/photo.jpg")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task  # nobody asked for its result: asyncio logs the traceback
    logging.getLogger("telegram").debug("secret token: %s", SECRET)
    assert_clean(page.getvalue())
    assert "never retrieved" in page.getvalue()


def test_json_is_json_and_a_line_an_event() -> None:
    code = (
        "import structlog; from bot.log import set_up; set_up(['hunter2'], as_json=True);"
        "structlog.get_logger('crowdloop').info('answer.recorded', item=7, note='hunter2\\nx');"
        "raise RuntimeError('hunter2')"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in found.stderr.splitlines()]
    assert found.stdout == "" and found.returncode == 1
    assert [line["event"] for line in lines] == ["answer.recorded", "process.failed"]
    assert lines[0]["item"] == 7 and lines[0]["note"] == "<secret>\nx" and lines[0]["timestamp"].endswith("Z")
    assert "RuntimeError: <secret>" in lines[1]["exception"]


def test_a_short_secret_does_not_hide_the_log() -> None:
    assert Veil(["a", ""]).over("a banana") == "a banana"
    assert Veil([]).over("8:15 and 12345:abc") == "8:15 and 12345:abc"
