"""The process's HTTP server: health, metrics, and whatever else is given to it (webhook, dashboard)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from bot.metrics import Metrics
from bot.web.webhook import LARGEST_UPDATE
from core.errors import Refused

Check = Callable[[], Awaitable[bool]]  # whether a part works; may also raise or take too long
PATIENCE = 2.0  # seconds for one check


class Server:
    """Serves on `host:port` between `start` and `stop`; port 0 takes a free one, `port` says which."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        checks: Mapping[str, Check],
        routes: Iterable[web.RouteDef] = (),
        before_metrics: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._metrics = metrics
        self._checks = dict(checks)
        self._measure = before_metrics
        application = web.Application(client_max_size=LARGEST_UPDATE)
        application.add_routes(
            [
                web.get("/live", self._live),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics_page),
                *routes,
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=3.0)

    async def start(self) -> None:
        """Listen; Refused where the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Refused(f"web.port: {self.host}:{self.port} cannot be served ({error.strerror}).") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the door; requests under way may end."""
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        """200 when all parts work, else 503 that names those that do not."""
        found = await asyncio.gather(*(_works(check) for check in self._checks.values()))
        parts = dict(zip(self._checks, found, strict=True))
        return web.json_response({"ready": all(found), "parts": parts}, status=200 if all(found) else 503)

    async def _metrics_page(self, _: web.Request) -> web.Response:
        if self._measure is not None:
            await self._measure()
        return web.Response(body=self._metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4"})


async def _works(check: Check) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except Exception:  # the outermost loop of a check: whatever it is, the part does not work
        return False
