"""Buttons: what is packed comes back, and nothing else does."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.telegram.callbacks import LIMIT, Agree, Dispute, Go, Open, Pressed, Speak, Turn, pack, unpack
from core.ids import QuestionId
from core.question import Press, Tap

questions = st.from_regex(re.compile(r"[A-Za-z0-9_-]{12}"), fullmatch=True).map(QuestionId)
taps = st.builds(Tap, questions, st.integers(0, 10**9 - 1), st.integers(0, 999) | st.sampled_from(Press))
slugs = st.from_regex(re.compile(r"[a-z0-9][a-z0-9_-]{0,31}"), fullmatch=True)
everything = (
    taps
    | st.sampled_from(Go)
    | st.builds(Agree, st.integers(0, 9999))
    | st.builds(Speak, st.sampled_from(["en", "zh"]))
    | st.builds(Turn, questions, st.integers(0, 9999), st.integers(0, 501))
    | st.builds(Open, slugs)
    | st.builds(Dispute, slugs)
)


@given(everything)
def test_what_is_packed_comes_back_in_64_bytes(pressed: Pressed) -> None:
    text = pack(pressed)
    assert 1 <= len(text.encode()) <= LIMIT
    assert unpack(text) == pressed and type(unpack(text)) is type(pressed)


@given(st.text() | st.from_regex(r"[aylcng]:[\w:-]{0,70}"))
@example("a:abc:٣:1")  # digits, but not ours
@example("a:abc:01:1")
@example("a:abc:1:1\n")
@example("c:pets\n")
@example("n ")
@example("y:1\n")
@example("a:abc:1:x")
@example("")
def test_nothing_but_what_pack_wrote_is_read(text: str) -> None:
    pressed = unpack(text)
    assert pressed is None or pack(pressed) == text


@given(everything, everything)
def test_different_buttons_carry_different_texts(one: Pressed, other: Pressed) -> None:
    assert (pack(one) == pack(other)) == (one == other)


@pytest.mark.parametrize(
    "pressed",
    [
        Open("a" * 33),
        Open("Pets"),
        Tap(QuestionId("q" * 60), 0, 0),
        Tap(QuestionId("q"), -1, 0),
        Tap(QuestionId("a:b"), 0, 0),
    ],
)
def test_a_button_that_could_not_be_read_is_not_made(pressed: Pressed) -> None:
    with pytest.raises(ValueError, match="no button can carry"):
        pack(pressed)
