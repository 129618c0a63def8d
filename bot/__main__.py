"""The command line: `crowdloop serve | night | demo | doctor | migrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot import compose
from bot.settings import Settings, read_settings
from core.errors import CrowdloopError

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

Config = Annotated[Path | None, typer.Option("--config", help="Settings file; ./config.toml where it is there.")]


@app.command()
def serve(config: Config = None) -> None:
    """The bot, its web pages and its clock, until interrupted."""
    compose.serve(_settings(config), config)


@app.command()
def night(
    config: Config = None,
    campaign: Annotated[str, typer.Option(help="Only this campaign.")] = "",
    again: Annotated[bool, typer.Option(help="Now, also where tonight's is done.")] = False,
) -> None:
    """The night of every campaign that is due: refit, train, judge, promote or keep, queue."""
    from bot import nightly

    raise typer.Exit(nightly.run(_settings(config), campaign, again))


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="End after the table.")] = False,
    port: Annotated[int, typer.Option(help="Of the chat page; 0 takes a free one.")] = 8081,
) -> None:
    """A Telegram of its own, two campaigns, thirty simulated workers, two days and a night; no token needed."""
    from bot.sandbox.demo.run import run

    raise typer.Exit(run(once, port))


@app.command()
def doctor(config: Config = None) -> None:
    """Checks settings, token, database, disk, GPU and model files, and says what to do."""
    from bot import doctor as clinic

    raise typer.Exit(clinic.run(_settings(config)))


@app.command()
def migrate(config: Config = None) -> None:
    """Brings the database to the newest schema."""
    typer.echo(compose.migrate(_settings(config)))


def _settings(config: Path | None) -> Settings:
    return read_settings(config)


def main() -> None:
    """Runs a command; what can be foreseen ends in one sentence, not in a traceback."""
    try:
        app()
    except CrowdloopError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
