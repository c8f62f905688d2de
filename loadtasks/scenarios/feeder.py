"""Feeders: rows of a data file that make each request another one."""

import csv
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.template import Row, value_text

MAX_REQUESTS = 100_000
"""Rows times requests. Each one is prepared before the load begins, which takes about 0.1 ms."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of all these requests together, each with the text of its template and of its row; also of the file."""


class Feeder(BaseModel):
    """The rows of a data file, each of which serves one round through a scenario's requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """As the scenario file names it."""
    order: Literal["cycle", "random"]
    """In the order of the file, or shuffled; repeated from the start when all are used."""
    seed: Annotated[int, Field(ge=0)]
    """Of the shuffling: the same seed gives the same order in every run."""
    content: str
    """Fingerprint of the rows."""
    rows: Annotated[tuple[Row, ...], SkipValidation] = Field(repr=False)
    size: int
    """Bytes of all rows as JSON."""
    secret: tuple[str, ...] = ()
    """Columns whose values must never be shown. They are no part of a scenario's content: the same is sent."""

    @classmethod
    def read(
        cls, path: Path, *, order: Literal["cycle", "random"] = "cycle", seed: int = 1, secret: Sequence[str] = ()
    ) -> Self:
        """Read a CSV with a header (.csv) or JSON lines (.jsonl, .ndjson), whole.

        Raises:
            ValueError: it can't be read, has nothing to feed, or a secret column is in no row of it; one sentence that
                begins with the file's name.
        """
        rows = tuple(_rows(path))
        if not rows:
            raise ValueError(f"{path.name}: no row in it")
        digest, size = hashlib.sha256(), 0
        for number, row in enumerate(rows, 1):
            try:
                line = json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n"
            except UnicodeEncodeError:
                raise ValueError(f"{path.name}: row {number} holds half a surrogate pair, which is not text") from None
            digest.update(line)
            size += len(line)
        for column in secret:
            if not any(column in row for row in rows):
                has = ", ".join(rows[0])
                raise ValueError(f"{path.name}: no column `{column}`, which `secret` names; it has {has}")
        content = digest.hexdigest()
        return cls(file=path.name, order=order, seed=seed, content=content, rows=rows, size=size, secret=tuple(secret))

    def secret_values(self) -> Iterator[str]:
        """The values of the secret columns, as they are sent."""
        for row in self.rows:
            for column in self.secret:
                if row.get(column) is not None:
                    yield value_text(row[column])

    def check_column(self, column: str) -> None:
        """See that every row has a column.

        Raises:
            ValueError: one hasn't.
        """
        for number, row in enumerate(self.rows, 1):
            if column not in row:
                where = f"row {number} of {self.file}" if number > 1 else self.file
                raise ValueError(f"`{{{{{column}}}}}`: {where} has no column of this name; it has {', '.join(row)}")

    def in_order(self) -> list[Row]:
        """The rows in the order in which they are sent."""
        rows = list(self.rows)
        if self.order == "random":
            Random(self.seed).shuffle(rows)  # noqa: S311 - reproducible, for no secret
        return rows

    def sentence(self) -> str:
        """The feeder in words."""
        rows = "1 row" if len(self.rows) == 1 else f"{len(self.rows):,} rows"
        return f"fed by {rows} of {self.file}, " + (
            "in order" if self.order == "cycle" else f"in random order (seed {self.seed})"
        )


def _rows(path: Path) -> Iterator[Row]:
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path.name}: a feeder's file is a CSV (.csv) or JSON lines (.jsonl, .ndjson)")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path.name}: larger than {MAX_BYTES >> 20} MiB, the maximum for a feeder")
        yield from read(path)
    except FileNotFoundError:
        raise ValueError(
            f"{path.name}: no such file in {path.parent}; its path is relative to the folder of the scenario file"
        ) from None
    except OSError as error:
        raise ValueError(f"{path.name}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: not UTF-8 ({error.reason} at byte {error.start})") from error


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            if not all(header) or len(set(header)) < len(header):
                raise ValueError(f"{path.name}: its first line must name every column, each by a name of its own")
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise ValueError(
                        f"{path.name}: line {reader.line_num} has {len(cells)} cells, its header {len(header)}"
                    )
                if cells:
                    yield dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise ValueError(f"{path.name}: line {reader.line_num} is not CSV ({error})") from error


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row: Any = json.loads(line, parse_constant=_refuse, parse_float=_number, object_pairs_hook=_object)
            except ValueError as error:
                raise ValueError(f"{path.name}: line {number} is not JSON ({error})") from error
            if not isinstance(row, dict) or not row:
                raise ValueError(f"{path.name}: line {number} is not a JSON object with at least one value")
            yield row


def _number(text: str) -> WrittenFloat:
    number = WrittenFloat(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {doubled!r} stands in it twice")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
