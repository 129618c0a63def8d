"""A campaign in one message: what is written is what is made, and a mistake is named with its line and key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.new_campaign import EXAMPLE, KEYS, read_draft
from core.campaign import Kind, Policy
from core.errors import BadInput

HEAD = "/new pets\ntitle: Pets\nquestion: Which?\nlabels: cat, dog\n"


def test_the_example_works_as_it_is() -> None:
    draft = read_draft(EXAMPLE, Policy())
    assert (draft.slug, draft.title, draft.labels) == ("pets", "Cats and dogs", ("cat", "dog", "neither"))
    assert (draft.policy.min_overlap, draft.policy.max_overlap, draft.policy.confidence) == (2, 7, 0.95)


def test_every_key_is_read() -> None:
    text = (
        "/new@loop_bot Pets\ntitle： Cats  and dogs\ninstructions: Look well.\nThen tap.\n - not twice: never\n"
        "labels: cat，dog\nlabels.zh: 猫、狗\nkind: rating\nconfidence: 90 %\noverlap: 3-5\npay: 0,02 usd\n"
        "control_share: 0.1\nnewcomer_controls: 2\naudit_share: 20%\nnetwork_weight: 0\nlease: 30\nundo: 1.5\n"
        "zone: Asia/Shanghai"
    )
    draft = read_draft(text, Policy())
    assert (draft.slug, draft.title, draft.kind, draft.zone) == ("pets", "Cats and dogs", Kind.RATING, "Asia/Shanghai")
    assert draft.instructions == "Look well.\nThen tap.\n - not twice: never"
    assert draft.labels == ("cat", "dog") and draft.wordings == {"zh": ("猫", "狗")}
    assert draft.policy == Policy(
        confidence=0.9, min_overlap=3, max_overlap=5, lease=timedelta(minutes=30), undo=timedelta(minutes=1.5),
        control_share=0.1, newcomer_controls=2, audit_share=0.2, network_weight=0.0, pay=20, currency="USD",
    )  # fmt: skip


def test_what_is_not_said_comes_from_the_settings() -> None:
    policy = Policy(max_overlap=9, pay=5)
    assert read_draft(HEAD, policy).policy == policy


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (HEAD + "confidnce: 0.9", "line 5, confidnce", "known keys: title, question"),
        (HEAD + "confidence: high", "line 5, confidence", "“high” is not a number"),
        (HEAD + "confidence: 0.2", "line 5, confidence", "between 0.5 and 1"),
        (HEAD + "overlap: 1-3", "line 5, overlap", "at least 2"),
        (HEAD + "overlap: x", "line 5, overlap", "a range such as 2-7"),
        (HEAD + "max_overlap: 1", "line 5, max_overlap", "at most max_overlap"),
        (HEAD + "pay: -1", "line 5, pay", "not negative"),
        (HEAD + "pay: 2 euros", "line 5, pay", "an amount such as"),
        (HEAD + "pay: nan", "line 5, pay", "an amount such as"),
        (HEAD + "lease: 1e99", "line 5, lease", "a number of minutes"),
        (HEAD + "zone: Moon", "line 5, zone", "a time zone such as"),
        (HEAD + "kind: essay", "line 5, kind", "single, multi, spans, rating or text"),
        (HEAD + "kind: text", "line 4, labels", "are not for texts"),
        (HEAD + "then: products", "line 5, then", "an arrow and a campaign"),
        (HEAD + "title: Again", "line 5, title", "in line 2"),
        (HEAD + "zone:", "line 5, zone", "has no value"),
        (HEAD + "labels.zh: 猫", "line 5, labels.zh", "needs 2 words"),
        (HEAD + "title.zh: 猫", "line 5, title.zh", "is not a key"),
        ("/new pets\ntitle: P\nquestion: Q", "labels", "is missing"),
        ("/new pets\ntitle: P\nquestion: Q\nlabels: cat", "line 4, labels", "at least two labels"),
        ("/new pets\ntitle: P\nquestion: Q\nlabels: cat, cat", "line 4, labels", "once"),
        ("/new pets\nlabels: " + "x" * 65 + ", y\ntitle: P\nquestion: Q", "line 2, labels", "64 characters"),
        ("/new pets\ntitle: " + "x" * 101, "line 2, title", "at most 100"),
        ("/new my pets\ntitle: P\nquestion: Q\nlabels: a, b", "line 1, name", "a-z"),
        ("/new\ntitle: P\nquestion: Q\nlabels: a, b", "line 1, name", "a-z"),
        ("/new pets\njust words", "line 2", "needs a key and a colon"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_draft(text, Policy())
    assert caught.value.place == place and reason in caught.value.reason


@given(st.lists(st.sampled_from([*KEYS, "labels.zh", "x", ""]), max_size=6), st.lists(st.text(max_size=20), min_size=6))
def test_no_message_breaks_the_reader(keys: list[str], values: list[str]) -> None:
    text = HEAD + "\n".join(f"{key}: {value}" for key, value in zip(keys, values, strict=False))
    try:
        read_draft(text, Policy())
    except BadInput as error:
        assert error.place and error.reason
