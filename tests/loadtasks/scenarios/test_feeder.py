"""Feeders: what rows make of requests, and every way to get a data file wrong."""

from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.scenarios import feeder as limits
from loadtasks.scenarios import model
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.feeder import Feeder
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import HttpScenario, MixedScenario, Request

FED = """
endpoint: thing
scenarios:
  fed:
    load: {workers: 1, requests: 10}
    feeder: {file: users.csv}
    request: {method: PUT, path: "/users/{{id}}", json: {name: "{{name}}"}}
"""
USERS = "id,name\n7,Zoë\n8,Ann\n"


def read(tmp_path: Path, content: str = FED, **files: str) -> HttpScenario:
    (tmp_path / "thing.yaml").write_text(content, encoding="utf-8")
    for name, text in {"users_csv": USERS, **files}.items():
        (tmp_path / name.replace("_", ".")).write_text(text, encoding="utf-8")
    scenario = read_scenarios(tmp_path)["thing.fed"]
    assert isinstance(scenario, HttpScenario)
    return scenario


def test_a_row_fills_path_query_headers_and_json() -> None:
    request = Request(
        method="POST",
        path="/users/{{ id }}?{{id}}",
        query={"q": "{{name}}!", "many": ["{{id}}", 3]},
        headers={"X-User": "u-{{id}}"},
        json={"whole": "{{deep}}", "part": "n={{id}}, {{flag}}", "{{name}}": ["{{id}}", {"x": "{{none}}"}], "n": 5},
    )
    row = {"id": 7, "name": "Zoë #1", "deep": {"a": [1, None]}, "flag": True, "none": None}
    assert request.columns() == set(row)
    fed = request.fed(row)
    assert fed.path == "/users/7?7"
    assert fed.query == {"q": "Zoë #1!", "many": ["7", 3]}
    assert fed.headers == {"X-User": "u-7"}
    assert fed.json_body == {"whole": {"a": [1, None]}, "part": "n=7, true", "Zoë #1": [7, {"x": None}], "n": 5}
    assert fed.checks is request.checks
    assert request.path == "/users/{{ id }}?{{id}}"


def test_in_a_path_a_value_may_hold_a_query_and_never_begins_a_fragment() -> None:
    assert Request(path="/{{rest}}").fed({"rest": "v2/a b?x=1#2"}).path == "/v2/a b?x=1%232"
    assert Request(path="/{{rest}}").fed({"rest": "a\\b\n\x7f%41ü"}).path == "/a%5Cb%0A%7F%41ü"


def test_csv_values_are_text_and_json_values_keep_their_type(tmp_path: Path) -> None:
    fed = read(tmp_path)
    assert fed.feeder is not None
    assert fed.feeder.rows == ({"id": "7", "name": "Zoë"}, {"id": "8", "name": "Ann"})
    lines = '{"id": 7, "name": ["Zoë"]}\n\n{"id": 8, "name": null, "more": 1}\n'
    typed = read(tmp_path, FED.replace("users.csv", "users.jsonl"), users_jsonl=lines)
    assert typed.feeder is not None
    assert typed.requests[0].fed(typed.feeder.rows[0]).json_body == {"name": ["Zoë"]}
    assert typed.requests[0].fed(typed.feeder.rows[1]).json_body == {"name": None}


def test_a_number_of_json_lines_is_text_as_it_is_written(tmp_path: Path) -> None:
    lines = '{"id": 1.10, "name": 1.10}\n'
    fed = read(tmp_path, FED.replace("users.csv", "users.jsonl"), users_jsonl=lines)
    assert fed.feeder is not None
    (row,) = fed.feeder.rows
    request = fed.requests[0].fed(row)
    assert (request.path, request.json_body) == ("/users/1.10", {"name": 1.1})


def test_a_csv_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "sheet.CSV").write_bytes('\ufeffid, name\r\n7,"Zoë, ""Z"""\r\n\r\n8,"two\r\nlines"\r\n'.encode())
    feeder = Feeder.read(tmp_path / "sheet.CSV")
    assert feeder.rows == ({"id": "7", "name": 'Zoë, "Z"'}, {"id": "8", "name": "two\r\nlines"})


def test_rows_come_in_order_or_shuffled_by_the_seed(tmp_path: Path) -> None:
    (tmp_path / "many.csv").write_text("id\n" + "".join(f"{n}\n" for n in range(50)))
    in_order, shuffled, again, other = (
        [row["id"] for row in Feeder.read(tmp_path / "many.csv", **how).in_order()]
        for how in ({}, {"order": "random"}, {"order": "random"}, {"order": "random", "seed": 2})
    )
    assert in_order == [str(n) for n in range(50)]
    assert shuffled == again != in_order
    assert other != shuffled
    assert sorted(shuffled) == sorted(other) == sorted(in_order)


def test_the_hash_covers_the_rows_and_their_order_and_not_the_files_name(tmp_path: Path) -> None:
    before = scenario_hash(read(tmp_path))
    assert scenario_hash(read(tmp_path, users_csv=USERS.replace("\n", "\r\n"))) == before
    assert scenario_hash(read(tmp_path, FED.replace("users.csv", "people.csv"), people_csv=USERS)) == before
    assert scenario_hash(read(tmp_path, users_csv=USERS.replace("Ann", "Bob"))) != before
    assert scenario_hash(read(tmp_path, users_csv=USERS + "9,Eve\n")) != before
    assert scenario_hash(read(tmp_path, FED.replace("file: users.csv", "file: users.csv, order: random"))) != before
    assert read(tmp_path).scaled(2).feeder == read(tmp_path).feeder


def test_a_file_may_feed_all_its_scenarios_and_parts_stay_fed(tmp_path: Path) -> None:
    content = FED.replace("    feeder: {file: users.csv}\n", "").replace(
        "scenarios:", "feeder: {file: users.csv}\nscenarios:"
    )
    content += "  plain: {load: {workers: 1, requests: 1}, request: {path: /}}\n"
    content += "  mixed: {parts: {a: {scenario: thing.fed}}}\n"
    assert read(tmp_path, content).feeder is not None
    scenarios = read_scenarios(tmp_path)
    plain, mixed = scenarios["thing.plain"], scenarios["thing.mixed"]
    assert isinstance(plain, HttpScenario)
    assert plain.feeder is None
    assert isinstance(mixed, MixedScenario)
    part = mixed.parts["a"]
    assert isinstance(part, HttpScenario)
    assert part.feeder == read(tmp_path, content).feeder


def a(name: str, old: str, new: str, words: str, **files: str) -> object:
    return pytest.param(FED.replace(old, new), files, words, id=name)


@pytest.mark.parametrize(
    ("content", "files", "words"),
    [
        a(
            "no file",
            "users",
            "people",
            r"feeder: people.csv: no such file in .*relative to the folder of the scenario file",
        ),
        a("no kind", "users.csv", "users.xls", r"feeder: users.xls: .* CSV \(.csv\) or JSON lines"),
        a("no row", "", "", "feeder: users.csv: no row in it", users_csv="id,name\n"),
        a("empty", "", "", "feeder: users.csv: no row in it", users_csv=""),
        a("unknown column", "{{name}}", "{{nme}}", "`{{nme}}`: users.csv has no column of this name; it has id, name"),
        a("twice a column", "", "", "must name every column, each by a name of its own", users_csv="id,id\n1,2\n"),
        a("nameless column", "", "", "must name every column, each by a name of its own", users_csv="id,\n1,2\n"),
        a("short row", "", "", "users.csv: line 3 has 1 cells, its header 2", users_csv="id,name\n1,2\n3\n"),
        a("broken quote", "", "", "users.csv: line 2 is not CSV", users_csv='id,name\n1,"2\n'),
        a("other order", "users.csv", "users.csv, order: shuffled", "feeder.order: .*'cycle' or 'random'"),
        a(
            "too few columns",
            "",
            "",
            "`{{id}}`: users.csv has no column of this name; it has name",
            users_csv="name\nx\n",
        ),
        a("no json", "users.csv", "u.jsonl", "u.jsonl: line 2: not JSON: column", u_jsonl='{"id": 1, "name": 2}\n{\n'),
        a("no object", "users.csv", "u.jsonl", "u.jsonl: line 1 is not a JSON object", u_jsonl="[1]\n"),
        a("no number", "users.csv", "u.jsonl", "u.jsonl: line 1: NaN is not a JSON number", u_jsonl='{"id": NaN}\n'),
        a("too large", "users.csv", "u.jsonl", "line 1: the number 1e400 is too large", u_jsonl='{"id": 1e400}\n'),
        a(
            "twice a key",
            "users.csv",
            "u.jsonl",
            "line 1: the key 'id' is given twice",
            u_jsonl='{"id":1,"id":2}',
        ),
        a("dots", "", "", r"row 2 of users.csv: a segment `\.` or `\.\.`", users_csv="id,name\n1,x\n..,y\n"),
        a("percent", "", "", "row 1 of users.csv: a % in a path", users_csv="id,name\n100%,x\n"),
        a("no value", "/users/{{id}}", "/{{id}}/x", "row 1 of users.csv: .*another host", users_csv="id,name\n,x\n"),
        a("no query", "/users/{{id}}", "/x?{{id}}", "row 1 of users.csv: an empty query", users_csv="id,name\n,x\n"),
        a(
            "read back elsewhere",
            "    request:",
            '    read_back: {path: "/{{name}}"}\n    request:',
            "row 1 of users.csv: a segment",
            users_csv="id,name\n1,a/../b\n",
        ),
        a(
            "no text",
            "users.csv",
            "u.jsonl",
            "line 1: half a surrogate",
            u_jsonl='{"id": 1, "name": "\\ud800"}\n',
        ),
        a(
            "missing in a row",
            "users.csv",
            "u.jsonl",
            "`{{name}}`: row 2 of u.jsonl has no column of this name; it has id",
            u_jsonl='{"id": 1, "name": 2}\n{"id": 3}\n',
        ),
        a(
            "no header's value",
            "json: {",
            'headers: {X-Name: "{{name}}"}, json: {',
            "row 2 of users.csv: .*can't be sent in a header",
            users_csv='id,name\n1,x\n2,"a\nb"\n',
        ),
        a("no feeder", "    feeder: {file: users.csv}\n", "", "`{{id}}` names a column, but there is no `feeder`"),
        a("no column", "{{", "{", "feeder: no request names a column of it"),
        a(
            "read back",
            "    request:",
            '    read_back: {path: "/{{nme}}"}\n    request:',
            "`{{nme}}`: users.csv has no column",
        ),
    ],
)
def test_a_wrong_feeder_is_one_sentence(tmp_path: Path, content: str, files: dict[str, str], words: str) -> None:
    with pytest.raises(BadInputError, match=words) as raised:
        read(tmp_path, content, **files)
    assert str(raised.value).startswith(f"{tmp_path / 'thing.yaml'}: scenarios.fed")
    assert "\n" not in str(raised.value)


def test_a_data_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes(b"id,name\n1,\xff\n")
    with pytest.raises(ValueError, match=r"users.csv: line 2 is not UTF-8 \(invalid start byte at byte 10\)"):
        Feeder.read(tmp_path / "users.csv")


def test_more_than_memory_is_meant_to_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(model, "MAX_REQUESTS", 1)
        with pytest.raises(
            BadInputError, match=r"users.csv: 2 rows make 2 requests .*at most 1 of 64 MiB are possible"
        ):
            read(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(model, "MAX_BYTES", 2**20)
        with pytest.raises(
            BadInputError, match=r"2 rows make 2 requests of about 2 MiB together.* of 1 MiB are possible"
        ):
            read(tmp_path, FED.replace("{name: ", "{filler: " + "x" * (2**20 - 1000) + ", name: "))
    with monkeypatch.context() as patched:
        patched.setattr(limits, "MAX_BYTES", 2**20)
        with pytest.raises(BadInputError, match=r"users.csv: larger than 1 MiB"):
            read(tmp_path, users_csv=USERS + "9," + "x" * 2**20 + "\n")


def test_a_feeder_says_itself(tmp_path: Path) -> None:
    fed = read(tmp_path)
    assert fed.feeder is not None
    assert fed.feeder.sentence() == "fed by 2 rows of users.csv, in order"
    shuffled = fed.feeder.model_copy(update={"order": "random", "seed": 3, "rows": fed.feeder.rows[:1]})
    assert shuffled.sentence() == "fed by 1 row of users.csv, in random order (seed 3)"
