"""The sandbox: a Telegram of one's own, served on loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from bot.sandbox.control import Control
from bot.sandbox.delivery import Patience
from bot.sandbox.server import LARGEST_CALL
from bot.sandbox.world import ADMIN, TOKEN, WORKER, Persona, World


class Sandbox(World):
    """`started()` serves it; a bot uses its `base_url`, `base_file_url` and `token`, a browser its `url`."""

    url = ""

    @property
    def base_url(self) -> str:
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Sandbox]:
        """Serve until the block ends; port 0 takes a free one. Raises OSError where the port is taken."""
        application = web.Application(client_max_size=LARGEST_CALL)
        application.add_routes(Control(self).routes() + self.api.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            self.url = f"http://{host}:{runner.addresses[0][1]}"
            yield self
        finally:
            await self.delivery.close()
            await runner.cleanup()

    @classmethod
    @asynccontextmanager
    async def started(
        cls,
        port: int = 0,
        *,
        token: str = TOKEN,
        clock: Callable[[], float] = time.time,
        patience: Patience | None = None,
        personas: Sequence[Persona] = (WORKER, ADMIN),
    ) -> AsyncIterator[Sandbox]:
        """A fresh sandbox, served on loopback until the block ends."""
        async with cls(token=token, clock=clock, patience=patience, personas=personas).serving(port=port) as sandbox:
            yield sandbox
