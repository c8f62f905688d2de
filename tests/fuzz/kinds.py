"""Kinds of files that people give, and how each is fuzzed: a corpus, changes, and what the commands make of a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.mutations import Mutator, change_bytes


@dataclass(frozen=True)
class FuzzKind:
    """One kind of files."""

    name: str
    corpus: Callable[[], Mapping[str, bytes]]
    """Good files by name, from which the others are made."""
    exercise: Callable[[Path, bytes], None]
    """Writes a file's content into an empty folder, and calls what the commands call. Raises what they raise."""
    command_lines: Callable[[Path, bytes], Sequence[Sequence[str]]]
    """Writes a file's content into an empty folder, and gives the arguments of the command lines that read it."""
    mutators: Sequence[Mutator] = ()
    """Changes that know what the files hold. Half of the files are changed by these, half byte by byte."""

    def mutant(self, seed: int, number: int) -> bytes:
        """A changed file: the same for the same seed and number. Number 0 and the next few are the corpus itself."""
        corpus = self.corpus()
        if number < len(corpus):
            return corpus[sorted(corpus)[number]]
        chance = Random(f"{self.name} {seed} {number}")
        data = corpus[chance.choice(sorted(corpus))]
        if self.mutators and chance.random() < 0.5:
            data = chance.choice(self.mutators)(data, chance)
            return data if chance.random() < 0.7 else change_bytes(data, chance)
        return change_bytes(data, chance)


def kinds() -> dict[str, FuzzKind]:
    """Every kind by name."""
    from tests.fuzz import inputs, stored  # noqa: PLC0415 - they import the kinds' type from here

    return {kind.name: kind for kind in (*inputs.KINDS, *stored.KINDS)}
