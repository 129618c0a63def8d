"""The chat page in headless Chromium, against the echo bot."""

from __future__ import annotations

import io
import shutil
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import WORKER, Sandbox, unique_id
from bot.sandbox.records import Content
from bot.sandbox.wire import Upload

from .conftest import png
from .echo import echo_bot

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


def wav() -> bytes:
    """A quarter of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setparams((1, 1, 8000, 0, "NONE", ""))
        made.writeframes(bytes([128]) * 2000)
    return out.getvalue()


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[playwright.Page]:
    """An open chat page of the worker; any error on the page fails the test."""
    async with playwright.async_playwright() as tools, echo_bot(sandbox):
        browser = await tools.chromium.launch(executable_path=CHROMIUM)
        page = await browser.new_page(viewport={"width": 1000, "height": 900}, locale="en-GB")
        page.set_default_timeout(45_000)  # the suite's other process may be training
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        await page.goto(f"{sandbox.url}/?start=demo")
        yield page
        await browser.close()
        assert errors == []


async def test_the_page_says_when_no_bot_is_there(sandbox: Sandbox) -> None:
    async with playwright.async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM)
        page = await browser.new_page()
        await page.goto(f"{sandbox.url}/")
        await page.get_by_text("no bot is connected yet").wait_for()
        async with echo_bot(sandbox):
            await page.get_by_text("bot", exact=True).wait_for()
        await browser.close()


async def test_a_visitor_answers_a_question(page: playwright.Page, sandbox: Sandbox) -> None:
    await page.get_by_role("button", name="Start", exact=True).click()
    welcome = page.locator("article.theirs").first
    await welcome.get_by_role("button", name="I agree").click()
    assert await welcome.locator("b").inner_text() == "Welcome"
    assert await welcome.locator("a").get_attribute("href") == "https://example.org"
    await page.get_by_text("Item 0").wait_for()
    await page.get_by_role("button", name="✦ Dog").click()
    await page.get_by_text("Item 1").wait_for()  # the bubble was edited, not repeated
    assert await page.locator("article.theirs").count() == 2
    assert "edited" in await page.locator("article.theirs").last.inner_text()
    assert await page.locator("#toast").inner_text() == "Saved"
    assert await page.locator(".key.waiting").count() == 0
    assert sandbox.known(WORKER.id).messages[0].text == "/start demo"
    assert [update.body["data"] for update in sandbox.updates if update.kind == "callback_query"] == ["agree", "0:dog"]


async def test_keys_menu_alert_and_files(page: playwright.Page, sandbox: Sandbox, tmp_path: Path) -> None:
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.locator("#chat").focus()
    await page.get_by_role("button", name="I agree").wait_for()
    await page.keyboard.press("1")
    await page.get_by_text("Item 0").wait_for()
    await page.keyboard.press("2")
    await page.get_by_text("Item 1").wait_for()
    await page.keyboard.press("3")
    await page.locator("#alert[open]").wait_for()
    assert await page.locator("#alerted").inner_text() == "Saved"
    await page.keyboard.press("Enter")
    await page.locator("#chat").focus()
    await page.keyboard.press("/")
    assert await page.get_by_role("option").all_inner_texts() == ["/next\nNext question", "/help\nHow it works"]
    await page.get_by_role("option").first.click()
    await page.locator("article.mine").filter(has_text="/next").wait_for()
    (tmp_path / "items.csv").write_bytes(b"id,text\n1,x\n")
    await page.set_input_files("#file", tmp_path / "items.csv")
    await page.locator("article.mine").filter(has_text="items.csv").wait_for()
    assert sandbox.known(WORKER.id).messages[-1].document == "items.csv"


async def test_a_sound_can_be_played(page: playwright.Page, sandbox: Sandbox) -> None:
    """Seen to fail: drawn as a document to save; the file's bytes refused."""
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.get_by_text("Welcome").wait_for()
    file = sandbox.telegram.files.put("audio", Upload("sound.wav", "audio/x-wav", wav()))
    sandbox.telegram.post(sandbox.known(WORKER.id).account, Content("who?", (), file))
    sound = page.locator("article.theirs audio")
    await sound.wait_for()
    assert await sound.get_attribute("controls") is not None
    await page.wait_for_function("document.querySelector('audio').duration > 0.2")


async def test_the_two_people_and_hostile_words(page: playwright.Page, sandbox: Sandbox) -> None:
    async with page.expect_response("**/sandbox/people"):
        await page.get_by_role("button", name="Admin").click()
    async with page.expect_response("**/say"):
        await page.get_by_role("button", name="Start", exact=True).click()
    ada = sandbox.known(1001)
    hostile = "<img src=x onerror=alert(1)> <script>alert(2)</script>"
    await ada.say(hostile)
    picture = await ada.send_photo(png("red", (8, 8)))
    await page.locator("article img").last.wait_for()
    assert picture.photo == unique_id(png("red", (8, 8)))
    assert await page.locator("article").filter(has_text="onerror").locator("img, script").count() == 0
    assert hostile in await page.locator("#chat").inner_text()
    sandbox.telegram.delete(ada.account, ada.messages[-2].id)
    await page.locator("article").filter(has_text="onerror").wait_for(state="detached")
    async with page.expect_response("**/sandbox/people"):
        await page.get_by_role("button", name="Worker").click()
    await page.locator(".welcome").wait_for()
    await page.get_by_role("button", name="Switch to Chinese").click()
    await page.get_by_role("button", name="开始").wait_for()
    assert sandbox.known(WORKER.id).account.language_code == "zh"
