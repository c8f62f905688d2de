"""YAML: what is read is what is written, by the core schema of YAML 1.2; what people may mean otherwise is refused."""

import math
import re
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from loadtasks.errors import BadInputError
from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.yaml_reader import MAX_DEPTH, MAX_VALUES, WrongYamlError, parse_yaml, read_file, yaml_of

READ: dict[str, Any] = {
    "1": 1,
    "0": 0,
    "-7": -7,
    "12345678901234567890123": 12345678901234567890123,
    "1.5": 1.5,
    "1.10": 1.1,
    "1e3": 1000.0,
    ".5": 0.5,
    "-2.": -2.0,
    "true": True,
    "False": False,
    "NULL": None,
    "~": None,
    "": None,
    "y": "y",
    "N": "N",
    "yEs": "yEs",
    "~x": "~x",
    "1.2.3": "1.2.3",
    "12:75": "12:75",
    "8000:80": "8000:80",
    "2026-01": "2026-01",
    "0x": "0x",
    "08:00:00 h": "08:00:00 h",
    "=": "=",
    "_1": "_1",
    "'01234'": "01234",
    '"12:30:00"': "12:30:00",
    "'yes'": "yes",
    "!!str 01234": "01234",
    "! 2026-01-31": "2026-01-31",
    "|-\n  01234": "01234",
    ">-\n  12:30\n  h": "12:30 h",
    '"a\\u00e4\\n"': "aä\n",
    '"\\ud83d\\ude80"': "🚀",
    "$NAME": "$NAME",
    "$(NAME)": "$(NAME)",
    "${}": "${}",
    "'^\\${1,2}'": "^\\${1,2}",
    "[1, {a: b}]": [1, {"a": "b"}],
}
AMBIGUOUS = {
    "01234": "would not be sent as it is written",
    "-007": "would not be sent as it is written",
    "+1": "would not be sent as it is written",
    "-0": "would not be sent as it is written",
    "00": "would not be sent as it is written",
    "089": "would not be sent as it is written",
    "9" * 2000: "would not be sent as it is written",
    "0.1000000000000000000001": "would not be sent as it is written",
    "1e400": "would not be sent as it is written",
    "-1e-400": "would not be sent as it is written",
    "1e99999999999999999999": "would not be sent as it is written",
    "0o17": "octal",
    "0x1F": "hexadecimal",
    "0b101": "binary",
    "1_000": "underscores",
    "1_000.5": "underscores",
    "12:30:00": "base 60",
    "1:30": "base 60",
    "-1:30.5": "base 60",
    "2026-01-31": "date",
    "2026-1-3": "date",
    "2026-01-31T12:30:00Z": "date",
    "2026-01-31 12:30:00.5 +1": "date",
    "yes": "true or false",
    "No": "true or false",
    "ON": "true or false",
    "off": "true or false",
    ".inf": "finite",
    "-.INF": "finite",
    ".NaN": "finite",
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_a_value_is_read_as_yaml_1_2_has_it(text: str, value: Any) -> None:
    read = parse_yaml(f"key: {text}\n".encode())["key"]
    assert (read, type(read).__base__ if isinstance(read, WrittenFloat) else type(read)) == (value, type(value))
    if isinstance(read, WrittenFloat):
        assert read.written == text


@pytest.mark.parametrize(("text", "words"), AMBIGUOUS.items())
@pytest.mark.parametrize("place", ["a: {{b: {}}}", "a:\n- {}", "a: [x, {}]", "&a {}: b"])
def test_what_may_be_meant_otherwise_is_refused(text: str, words: str, place: str) -> None:
    with pytest.raises(WrongYamlError, match=f"{words}.*; put it in quotes") as refused:
        parse_yaml(place.format(text).encode())
    assert refused.value.line == place.count("\n") + 1
    assert "\n" not in str(refused.value)


WRONG = {
    "a: 1\nb: 2\na: 3": (3, "the key 'a' stands here twice"),
    "a: {b: 1, 'b': 2}": (1, "a: the key 'b' stands here twice"),
    "- {b: 1, c: 2,\n\n  b: 2}": (3, "0: the key 'b' stands here twice"),
    "a: {<<: {b: 1}, <<: {c: 1}}": (1, "the key '<<' stands here twice"),
    "a: {<<: b}": (1, "`<<` takes the keys of a mapping"),
    "a: {<<: [{b: 1}, c]}": (1, "`<<` takes the keys of a mapping"),
    "1: a": (1, "the key 1 is not text; put it in quotes"),
    "true: a": (1, "the key true is not text"),
    "~: a": (1, "the key ~ is not text"),
    "? [a]\n: b": (1, "is not text"),
    "a: &x [*x]": (1, r"\*x stands within what it refers to"),
    "a: &x {b: {c: *x}}": (1, r"a.b.c: \*x stands within what it refers to"),
    "a: *x": (1, r"\*x refers to no anchor &x before it"),
    "a: *x\nb: &x 1": (1, r"\*x refers to no anchor"),
    "a: 1\n---\nb: 1": (2, "a second document"),
    "%YAML 1.1\n---\na: yes": (2, "files are YAML 1.2"),
    "a: !!python/object/apply:os.system [x]": (1, "the tag !!python/object/apply:os.system has no meaning"),
    "a: !!int '5'": (1, "the tag !!int has no meaning"),
    "a: !!binary aGk=": (1, "the tag !!binary has no meaning"),
    "a: !own {b: 1}": (1, "the tag !own has no meaning"),
    "a: !!set {b}": (1, "the tag !!set has no meaning"),
    "a:\n\t- b": (2, "not YAML: found character"),
    "a: [": (1, "not YAML"),
    "a: @b": (1, "not YAML"),
    'a: "\\q"': (1, "not YAML"),
    "a: 1\nb: \x01": (2, "not YAML: a character that can't stand in it"),
    "a: 1\nb: x\u2028y": (2, r"U\+2028 ends lines in YAML 1.1"),
    "a: '\x85'": (1, r"U\+0085"),
    'a: "\\ud800"': (1, "half a surrogate pair"),
    "a: ${TOKEN}": (1, r"environment variables are not filled in, so that \$\{TOKEN\}"),
    "a: {b: ${TOKEN}}": (1, r"not YAML: .*; environment variables are not filled in, so that \$\{TOKEN\}"),
    "a: 'x ${HOST:-localhost}:80'": (1, r"\$\{HOST:-localhost\}"),
    "'${KEY}': a": (1, r"\$\{KEY\}"),
    "a: |\n  x\n  ${B}": (1, r"\$\{B\}"),
    "a\x07: {b: 1}": (1, "not YAML"),
    '"a\\nb": {b: 01}': (1, r"a\\nb.b: the number 01"),
}


@pytest.mark.parametrize(("text", "wrong"), WRONG.items())
def test_what_is_wrong_is_one_sentence_with_its_line(text: str, wrong: tuple[int, str]) -> None:
    line, words = wrong
    with pytest.raises(WrongYamlError, match=words) as refused:
        parse_yaml(text.encode())
    assert refused.value.line == line
    assert "\n" not in str(refused.value)


def test_the_sentence_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: {c: 01234}\n")
    with pytest.raises(BadInputError) as refused:
        yaml_of(path, read_file(path))
    words = "line 2: b.c: the number 01234 would not be sent as it is written; put it in quotes."
    assert str(refused.value) == f"{path}: {words}"
    path.write_bytes(b"a: 1\nb: gr\xfc\xdfe\n")
    with pytest.raises(BadInputError, match=r"a.yaml: line 2 is not UTF-8 \(invalid start byte at byte \d+\)\.$"):
        yaml_of(path, read_file(path))
    path.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(BadInputError, match=r"a.yaml: line 1 is not UTF-8"):
        yaml_of(path, read_file(path))
    with pytest.raises(BadInputError, match=r"b.yaml: there is no such file"):
        read_file(tmp_path / "b.yaml")
    with pytest.raises(BadInputError, match=r"a folder, not a file"):
        read_file(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse_yaml("\ufeffa: 1\r\nb: 2\r\n".encode()) == {"a": 1, "b": 2}
    assert parse_yaml(b"") is None
    assert parse_yaml(b"# nothing\n") is None


def test_anchors_stand_for_their_value_and_merge_keys_for_their_keys() -> None:
    text = b"a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: [{x: 7}, *a], z: *a}\n'<<': 1\n"
    assert parse_yaml(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 7, "y": 2, "z": {"x": 1, "y": 2}},
        "<<": 1,
    }


def test_a_file_that_stands_for_billions_of_values_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(WrongYamlError, match=f"more than {MAX_VALUES:,} values"):
        parse_yaml("\n".join(lines).encode())


def test_a_file_that_is_nested_too_deeply_is_refused() -> None:
    for opening in ("[", "{a: "):
        with pytest.raises(WrongYamlError, match=f"more than {MAX_DEPTH} mappings and lists"):
            parse_yaml((opening * 5000).encode())


texts = st.text(max_size=8) | st.text("0123456789.:-_+eExob~ ntfyYNOrsue", max_size=8) | st.sampled_from([*AMBIGUOUS])
values = st.recursive(
    texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=20)  # a file is written and read in 0.04 s of CPU
@given(values, st.booleans())
def test_what_another_program_wrote_is_read_as_it_was(value: Any, flow: bool) -> None:
    """`ruamel.yaml` puts in quotes what needs them by YAML 1.2."""
    writer, file = YAML(typ="safe", pure=True), StringIO()
    writer.default_flow_style = flow
    writer.sort_base_mapping_type_on_output = False
    writer.dump([value], file)
    refusal = ""
    try:
        read = parse_yaml(file.getvalue().encode())
    except WrongYamlError as error:
        refusal = str(error)
    if refusal:  # `yes` is text in YAML 1.2, which needs no quotes
        assert any(words in refusal for words in ("put it in quotes", "surrogate", "U+"))
        return
    assert read == [value]
    assert repr(read) == repr([value])


@given(st.text("0123456789abcdefxonlystruyefinTZ.:-_+~ =<", max_size=10))
@example("0777")
@example("1_0")
@example("-_0")
@example("+_")
@example("12:30:00")
@example("1e5")
@example("2026-01-31")
def test_a_plain_scalar_is_what_yaml_1_2_says_or_refused(text: str) -> None:
    """What is read is what `ruamel.yaml` reads, and never a date, an octal or a number that people wrote as text."""
    try:
        (read,) = parse_yaml(f"- {text}\n".encode())
    except WrongYamlError:
        return
    if re.fullmatch(r"[-+]_[0-9_]*", text.strip()):  # no number in YAML 1.2; `ruamel.yaml` takes it for one
        assert read == text.strip()
        return
    try:
        (expected,) = YAML(typ="safe", pure=True).load(f"- {text}\n")
    except YAMLError:
        assert text.strip() in ("=", "<<"), "tags that YAML 1.2 doesn't have"
        return
    assert not isinstance(expected, date | datetime)
    assert (read, isinstance(read, bool)) == (expected, isinstance(expected, bool))
    if isinstance(read, int) and not isinstance(read, bool):
        assert str(read) == text.strip()
    elif isinstance(read, float):
        assert math.isfinite(read)
