"""Evidence: the set of labels that an answer is compatible with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """A non-empty set of labels out of 0..K-1; bit l of `bits` is label l."""

    bits: int

    def __post_init__(self) -> None:
        if self.bits <= 0:
            raise ValueError("evidence needs at least one label")

    @classmethod
    def of(cls, *labels: int) -> Evidence:
        """The evidence of an answer that leaves only `labels` possible; ValueError where there are none."""
        return cls.among(labels)

    @classmethod
    def among(cls, labels: Iterable[int]) -> Evidence:
        """As `of`, from any iterable."""
        bits = 0
        for label in labels:
            if label < 0:
                raise ValueError(f"label {label} is negative")
            bits |= 1 << label
        return cls(bits)

    @classmethod
    def all(cls, k: int) -> Evidence:
        """ "Not sure": every one of k labels stays possible."""
        return cls((1 << k) - 1)

    def complement(self, k: int) -> Evidence:
        """ "No" to this set: the other labels of k; ValueError where nothing is left."""
        return Evidence(((1 << k) - 1) & ~self.bits)

    def labels(self) -> tuple[int, ...]:
        """The labels in ascending order."""
        if not self.bits & (self.bits - 1):
            return (self.bits.bit_length() - 1,)
        return tuple(label for label in range(self.bits.bit_length()) if self.bits >> label & 1)

    def fits(self, k: int) -> bool:
        """True where every label is one of 0..k-1."""
        return self.bits < 1 << k

    def is_everything(self, k: int) -> bool:
        """True where the answer excludes nothing and so carries no weight."""
        return self.bits == (1 << k) - 1

    def __contains__(self, label: int) -> bool:
        return label >= 0 and bool(self.bits >> label & 1)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def text(self, k: int) -> str:
        """Short form for storage: "3", "1,4", "~2" (all but 2), "*" (everything); refused outside 0..k-1."""
        if not self.fits(k):
            raise ValueError(f"evidence {self.labels()} does not fit {k} labels")
        if self.is_everything(k):
            return "*" if k > 1 else "0"
        rest = self.complement(k)
        if len(self) > 1 and len(rest) < len(self):
            return "~" + ",".join(map(str, rest.labels()))
        return ",".join(map(str, self.labels()))

    @classmethod
    def parse(cls, text: str, k: int) -> Evidence:
        """The inverse of `text`; ValueError names what is wrong."""
        if text == "*":
            return cls.all(k)
        try:
            found = cls.among(int(part) for part in text.removeprefix("~").split(","))
        except ValueError:
            raise ValueError(f"not evidence: {text!r}") from None
        if not found.fits(k):
            raise ValueError(f"evidence {text!r} does not fit {k} labels")
        return found.complement(k) if text.startswith("~") else found
