"""All strategies by name: our rule, what people do today, and the libraries of the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType

import numpy as np

from bot.simulated import loop
from bot.simulated.curve import Curve, Tell
from bot.simulated.fixed import RIVALS, Rival, compete
from bot.simulated.network import Network, ProbeTrainer
from bot.simulated.task import Scene
from core.campaign import Policy
from core.errors import BadInput

Trainers = Callable[[Scene], Network]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to spend answers."""

    words: str  # for tables and plots
    needs: str = ""  # a package of the extra `bench`


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "ours": Strategy("our rule"),
        "random-stop": Strategy("random, our stopping"),
        "random-vote": Strategy("random, 3 votes"),
        "random-ds": Strategy("random, 3 answers, Dawid-Skene", "crowdkit"),
        "entropy-vote": Strategy("entropy, 3 votes"),
        "activelab": Strategy("ActiveLab", "cleanlab"),
        "smalltext-margin": Strategy("small-text margin, 3 votes", "small_text"),
        "smalltext-kmeans": Strategy("small-text k-means, 3 votes", "small_text"),
    }
)
USUAL = ("ours", "random-vote", "random-stop", "entropy-vote", "activelab")


def chosen(names: str) -> list[str]:
    """The strategies that a person names, with commas; the usual ones that are installed where they name none."""
    asked = [name.strip() for name in names.split(",") if name.strip()]
    if not asked:
        return [name for name in USUAL if not _missing(name)]
    for name in asked:
        if name not in STRATEGIES:
            raise BadInput("--strategy", f"'{name}' is unknown; known: {', '.join(STRATEGIES)}.")
        if _missing(name):
            raise BadInput("--strategy", f"'{name}' needs {STRATEGIES[name].needs}: pip install 'crowdloop[bench]'.")
    return list(dict.fromkeys(asked))


def _missing(name: str) -> bool:
    package = STRATEGIES[name].needs
    return bool(package) and find_spec(package) is None


def run(name: str, scene: Scene, policy: Policy, controls: int, trainers: Trainers, tell: Tell) -> Curve:
    """One strategy's curve."""
    trainer = trainers(scene)
    if name == "ours":
        return loop.run(loop.opened(scene, policy, trainer, controls), tell)
    if name == "random-stop":
        silent = replace(policy, network_weight=0.0)
        return loop.run(loop.opened(scene, silent, trainer, controls, learns=False), tell)
    return compete(_rival(name), scene, trainer, tell)


def _rival(name: str) -> Rival:
    if name in RIVALS:
        return RIVALS[name]
    found: Mapping[str, Rival] = import_module("bot.simulated.peers").PEERS
    return found[name]


def probes(scene: Scene) -> ProbeTrainer:
    """The trainer inside the loop."""
    return ProbeTrainer(scene.task.texts, scene.task.vectors, np.random.default_rng([scene.seed, 4]))
