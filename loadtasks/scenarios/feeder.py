"""Feeders: rows of a data file that make each request another one."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from loadtasks import strict_json
from loadtasks.input_files import MissingFileError, UnusableFileError, read_text
from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.template import Row, value_text
from loadtasks.scenarios.values import shortened

MAX_REQUESTS = 100_000
"""Rows times requests. Each one is prepared before the load begins, which takes about 0.1 ms."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of all these requests together, each with the text of its template and of its row; also of the file."""
MAX_COLUMNS = 10_000
"""Columns of a CSV; values of a line of JSON."""
MAX_VALUES = 2_000_000
"""Values of all rows together, each of which may take 100 bytes of memory."""


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
        rows = tuple(islice(_rows(path), MAX_REQUESTS + 1))
        if not rows:
            raise ValueError(f"{path.name}: no row in it")
        if len(rows) > MAX_REQUESTS:
            raise ValueError(f"{path.name}: more than {MAX_REQUESTS:,} rows, each of which makes a request")
        digest, size = hashlib.sha256(), 0
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n"
            digest.update(line)
            size += len(line)
        for column in secret:
            if not any(column in row for row in rows):
                has = shortened(", ".join(rows[0]))
                raise ValueError(f"{path.name}: no column `{shortened(column)}`, which `secret` names; it has {has}")
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
                has = shortened(", ".join(row))
                raise ValueError(f"`{{{{{shortened(column)}}}}}`: {where} has no column of this name; it has {has}")

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
        raise ValueError(f"{shortened(path.name)}: a feeder's file is a CSV (.csv) or JSON lines (.jsonl, .ndjson)")
    try:
        text = read_text(path, MAX_BYTES)
    except MissingFileError:
        raise ValueError(
            f"{path.name}: no such file in {path.parent}; its path is relative to the folder of the scenario file"
        ) from None
    except UnusableFileError as error:
        raise ValueError(f"{shortened(path.name)}: {error}") from error
    yield from read(path.name, text)


def _csv_rows(name: str, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if not all(header) or len(set(header)) < len(header):
            raise ValueError(f"{name}: its first line must name every column, each by a name of its own")
        if len(header) > MAX_COLUMNS:
            raise ValueError(f"{name}: more than {MAX_COLUMNS:,} columns")
        count = 0
        for cells in reader:
            count += len(cells)
            _check_count(name, count)
            if cells and len(cells) != len(header):
                raise ValueError(f"{name}: line {reader.line_num} has {len(cells)} cells, its header {len(header)}")
            if cells:
                yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(f"{name}: line {reader.line_num} is not CSV ({error})") from error


def _json_rows(name: str, text: str) -> Iterator[Row]:
    count = 0
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.strip():
            continue
        count += 1 + line.count(",") + line.count("[") + line.count("{")
        _check_count(name, count)
        try:
            row: Any = strict_json.parse(line.strip(), read_float=WrittenFloat, max_values=MAX_COLUMNS)
        except ValueError as error:
            raise ValueError(f"{name}: line {number}: {error}") from error
        if not isinstance(row, dict) or not row:
            raise ValueError(f"{name}: line {number} is not a JSON object with at least one value")
        yield row


def _check_count(name: str, count: int) -> None:
    if count > MAX_VALUES:
        raise ValueError(f"{name}: more than {MAX_VALUES:,} values in its rows; give it fewer rows or columns")
