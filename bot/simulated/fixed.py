"""Rivals of our rule: so many answers an item whatever they say, and a choice of the next items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.simulated.arrivals import Arrivals
from bot.simulated.curve import Curve, Point, Tell
from bot.simulated.network import Network
from bot.simulated.task import Scene
from core import effort
from core.ids import VersionId
from core.item import Content, Medium
from core.version import Lessons

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Notebook:
    """What a rival has collected."""

    scene: Scene
    open: NDArray[np.bool_]  # (N,) items that may be asked at all
    dice: np.random.Generator
    network: Network
    item: list[int] = field(default_factory=list)
    worker: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    version: VersionId | None = None

    def votes(self) -> tuple[Ints, Floats]:
        """Items with answers (n,), and their votes (n, K)."""
        rows, place = np.unique(np.array(self.item, dtype=np.int64), return_inverse=True)
        found = np.zeros((len(rows), len(self.scene.task.labels)))
        np.add.at(found, (place, np.array(self.label, dtype=np.int64)), 1.0)
        return rows, found

    def suggestions(self, rows: Ints) -> Floats:
        """(n, K) what the newest version says; even where there is none."""
        k = len(self.scene.task.labels)
        return np.full((len(rows), k), 1 / k) if self.version is None else self.network.said(self.version, rows)

    def fresh(self) -> Ints:
        """Items that may be asked and have no answer."""
        asked = np.zeros(len(self.open), dtype=bool)
        asked[self.item] = True
        return np.flatnonzero(self.open & ~asked)


Choose = Callable[[Notebook, int], Sequence[int]]  # items to ask next, in order, each `overlap` times
Conclude = Callable[[Notebook], tuple[Ints, Ints]]  # items with answers, and the label of each


@dataclass(frozen=True, slots=True)
class Rival:
    """A strategy: what to ask, how often, and what the answers mean."""

    overlap: int
    choose: Choose
    conclude: Conclude


def by_chance(notebook: Notebook, most: int) -> Sequence[int]:
    """Any items."""
    found: list[int] = notebook.dice.permutation(notebook.fresh())[:most].tolist()
    return found


def by_entropy(notebook: Notebook, most: int) -> Sequence[int]:
    """The items of which the version is least sure; any where there is none."""
    if notebook.version is None:
        return by_chance(notebook, most)
    rows = notebook.fresh()
    p = notebook.suggestions(rows)
    doubt = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)
    found: list[int] = rows[np.argsort(-doubt, kind="stable")][:most].tolist()
    return found


def majority(notebook: Notebook) -> tuple[Ints, Ints]:
    """Majority vote, ties at random."""
    rows, votes = notebook.votes()
    labels = (votes + 1e-3 * notebook.dice.random(votes.shape)).argmax(axis=1)
    return rows, labels


RIVALS = {"random-vote": Rival(3, by_chance, majority), "entropy-vote": Rival(3, by_entropy, majority)}


def compete(rival: Rival, scene: Scene, network: Network, tell: Tell) -> Curve:
    """Spends the budget; a version is trained where our rule would have a night."""
    notebook = _begun(scene, network)
    arrivals = Arrivals(scene.crowd, np.random.default_rng([scene.seed, 1]))
    answers = np.random.default_rng([scene.seed, 3])
    usual, curve = _usual(scene), Curve()
    queue: deque[list[int]] = deque()  # items with the answers that they still want
    met: set[tuple[int, int]] = set()
    able = _able(scene)
    while len(notebook.item) < scene.budget:
        if not queue:
            asked = rival.choose(notebook, max(scene.step // rival.overlap, 1))
            if not asked:
                break
            queue.extend([item, rival.overlap] for item in asked)
        who = arrivals.next()
        wanted = next((one for one in queue if (who, one[0]) not in met and scene.crowd[who].knows(one[0])), None)
        if wanted is None:
            queue = deque(one for one in queue if notebook.open[one[0]])
            arrivals.idle(who)
            continue
        item = wanted[0]
        met.add((who, item))
        able[item] -= 1
        notebook.open[item] = able[item] > 0
        arrivals.answers(who, usual)
        wanted[1] -= 1
        if not wanted[1]:
            queue.remove(wanted)
        _note(notebook, who, item, answers)
        tell(len(notebook.item))
        if len(notebook.item) % scene.step == 0:
            curve.points.append(_point(rival, notebook, usual))
    return curve


def _able(scene: Scene) -> Ints:
    """(N,) workers who have an answer about each item."""
    found = np.zeros(len(scene.task), dtype=np.int64)
    for mind in scene.crowd:
        if mind.recorded is None:
            found += 1
        else:
            found[list(mind.recorded)] += 1
    return found


def _begun(scene: Scene, network: Network) -> Notebook:
    free = _able(scene) > 0
    free[scene.unasked] = False
    return Notebook(scene, free, np.random.default_rng([scene.seed, 2]), network)


def _note(notebook: Notebook, who: int, item: int, dice: np.random.Generator) -> None:
    scene = notebook.scene
    notebook.item.append(item)
    notebook.worker.append(who)
    notebook.label.append(scene.crowd[who].label(int(scene.task.truth[item]), item, dice))


def _usual(scene: Scene) -> float:
    return effort.of_all(len(scene.task.labels))


def _point(rival: Rival, notebook: Notebook, usual: float) -> Point:
    task = notebook.scene.task
    rows, labels = rival.conclude(notebook)
    right = int((labels == task.truth[rows]).sum())
    answers = np.bincount(notebook.item, minlength=len(task))
    accuracy = float((np.bincount(task.truth) / len(task)).max())
    if len(set(labels.tolist())) > 1:
        contents = [Content(Medium.TEXT, task.texts[row]) for row in rows]
        lessons = Lessons(contents, np.eye(len(task.labels))[labels], np.ones(len(rows)))
        notebook.version = notebook.network.train(lessons, lambda _: None)
        accuracy = notebook.network.accuracy(notebook.version, notebook.scene.judged_on())
    n = len(notebook.item)
    return Point(n, right / len(task), accuracy, int((answers >= rival.overlap).sum()), n * usual)
