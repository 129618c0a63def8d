"""The command line: `crowdloop serve | night | demo | doctor | migrate | aggregate | replay | simulate |
predict | version show | version export`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot import compose, files
from bot.settings import Settings, read_settings
from core.campaign import Goal
from core.errors import CrowdloopError
from storage.exchange.gathered import AnswerKind

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


@app.command()
def predict(
    campaign: Annotated[str, typer.Option(help="Whose serving version speaks.")],
    version: Annotated[str, typer.Option(help="Beginning of another version's hash.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a JSON object for each line.")] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="Each line has two texts with a tab between.")] = False,
    config: Config = None,
) -> None:
    """Texts from standard input, one a line, each into its label and calibrated probabilities."""
    from bot import predict as speaking

    raise typer.Exit(speaking.run(_settings(config), campaign, sys.stdin, sys.stdout, as_csv, version, pairs))


versions = typer.Typer(no_args_is_help=True, help="Trained versions.")
app.add_typer(versions, name="version")


@versions.command()
def show(
    campaign: Annotated[str, typer.Option(help="Whose version is judged.")],
    version: Annotated[str, typer.Option(help="Beginning of its hash; the serving one where left out.")] = "",
    languages: Annotated[
        Path | None, typer.Option(help="The imported CSV with a column `language`: figures of each language, too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: Config = None,
) -> None:
    """All figures of a version on audit items, by label, beside those of a single worker; and night by night."""
    from bot import version_show

    raise typer.Exit(version_show.run(_settings(config), campaign, version, languages, as_json))


@versions.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new one: config, tokenizer, model.safetensors, README.md.")],
    campaign: Annotated[str, typer.Option(help="Whose version is taken away.")],
    version: Annotated[str, typer.Option(help="Beginning of its hash; the serving one where left out.")] = "",
    onnx: Annotated[bool, typer.Option("--onnx", help="An ONNX graph as well (extra `onnx`).")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="And one with int8 weights, for CPUs.")] = False,
    config: Config = None,
) -> None:
    """A version as a Hugging Face folder that gives the probabilities that the campaign saw."""
    from bot import version_export

    raise typer.Exit(version_export.run(_settings(config), campaign, folder, version, onnx, int8))


Field = Annotated[str, typer.Option(help="Column or control with the answer, where there are several.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def aggregate(
    answers: Annotated[Path, typer.Argument(help="task,worker,label; MTurk batch results; Label Studio JSON; pairs.")],
    truth: Annotated[Path | None, typer.Option(help="task,label: only to measure against.")] = None,
    controls: Annotated[Path | None, typer.Option(help="task,label: known beforehand, teaches about workers.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write task,label,confidence,answers here.")] = None,
    workers: Annotated[Path | None, typer.Option(help="Write what is believed of each worker here.")] = None,
    kind: Annotated[AnswerKind | None, typer.Option(help="What the labels are; detected where left out.")] = None,
    scale: Annotated[str, typer.Option(help="Labels of a rating in order: poor,fair,good.")] = "",
    field: Field = "",
    as_json: Json = False,
) -> None:
    """A file of answers into one label for each task, with its confidence, and a table of workers."""
    raise typer.Exit(files.aggregate(answers, truth, controls, out, workers, kind, scale, field, as_json))


@app.command()
def replay(
    answers: Annotated[Path, typer.Argument(help="task,worker,label; MTurk batch results; Label Studio JSON.")],
    truth: Annotated[Path, typer.Option(help="task,label.")],
    confidence: Annotated[float, typer.Option(help="Belief at which an item is settled.")] = 0.95,
    controls_share: Annotated[float, typer.Option(help="Share of items whose truth is told.")] = 0.1,
    max_overlap: Annotated[int, typer.Option(help="Answers that an item never exceeds; 0 for no limit.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the random order.")] = 0,
    field: Field = "",
    as_json: Json = False,
) -> None:
    """Recorded answers as if they came live: what they would have cost, and how right it would have been."""
    raise typer.Exit(files.replay(answers, truth, confidence, controls_share, max_overlap, seed, field, as_json))


@app.command()
def simulate(
    items: Annotated[Path | None, typer.Argument(help="CSV, TSV or XLSX: a text and its true label a row.")] = None,
    label_column: Annotated[str, typer.Option(help="Column with the true label.")] = "label",
    text_column: Annotated[str, typer.Option(help="Column with the text.")] = "text",
    test_file: Annotated[Path | None, typer.Option(help="Held-out rows; audit items judge where left out.")] = None,
    crowd: Annotated[
        Path | None, typer.Option(help="crowd.toml; `example` prints one.")
    ] = None,
    budget: Annotated[int, typer.Option(help="Answers; three an item, at most 3,000, where left out.")] = 0,
    strategy: Annotated[str, typer.Option(help="With commas: ours, random-vote, activelab ...; the usual ones.")] = "",
    goal: Annotated[Goal, typer.Option(help="What our rule works for.")] = Goal.MODEL,
    controls: Annotated[int, typer.Option(help="Items whose truth our rule is told.")] = 40,
    trainer: Annotated[
        str, typer.Option(help="probe; lora: the default recipe.")
    ] = "probe",
    runs: Annotated[int, typer.Option(help="Runs with different luck, averaged.")] = 1,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Write the curves here, as PNG.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What a budget of answers buys, before anybody is asked: our rule and its rivals with a simulated crowd."""
    from bot.simulated.command import Wish
    from bot.simulated.command import simulate as simulated

    wish = Wish(items, label_column, text_column, test_file, crowd, budget, strategy, controls, seed, runs, trainer)
    policy = replace(_settings(config).policy.policy(), goal=goal)
    raise typer.Exit(simulated(wish, policy, as_json, plot))


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
