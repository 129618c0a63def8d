"""`python -m bot.sandbox --port 8081`: serve the sandbox and its chat page until interrupted."""

from __future__ import annotations

import argparse
import asyncio

from bot.sandbox.sandbox import Sandbox


async def serve(port: int) -> None:
    async with Sandbox.started(port=port) as sandbox:
        print(f"chat page        {sandbox.url}/")
        print(f"base_url         {sandbox.base_url}")
        print(f"base_file_url    {sandbox.base_file_url}")
        print(f"token            {sandbox.token}   (opens nothing but this sandbox)", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    port = parser.parse_args().port
    try:
        asyncio.run(serve(port))
    except KeyboardInterrupt:
        return
    except OSError as error:
        parser.exit(1, f"Port {port} cannot be used ({error.strerror}); choose another one with --port.\n")


if __name__ == "__main__":
    main()
