"""The command `python -m bot.sandbox`."""

from __future__ import annotations

import asyncio
import socket
import sys

import aiohttp


async def run(port: int) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "bot.sandbox", "--port", str(port))
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_it_serves_until_it_is_ended() -> None:
    process = await run(0)
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode().split(maxsplit=3) for _ in range(4)]
        assert [line[0] for line in lines] == ["chat", "base_url", "base_file_url", "token"]
        async with aiohttp.ClientSession() as session:
            async with session.get(lines[0][2]) as page:
                assert "Crowdloop" in await page.text()
            async with session.get(f"{lines[1][1]}{lines[3][1]}/getMe") as answer:
                assert (await answer.json())["ok"]
    finally:
        process.terminate()
        await process.wait()


async def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await run(taken.getsockname()[1])
        _, words = await process.communicate()
    assert process.returncode == 1
    assert "cannot be used" in words.decode() and "--port" in words.decode() and "Traceback" not in words.decode()
