"""What the results database could not take: written to files, and taken in later."""

import json
import shutil
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import NotKeptError, RunContext, keep
from loadtasks.steps.rescue import FOLDER, MeasuredRepetition, save_or_rescue
from loadtasks.workspace import Workspace
from tests.measurements import failure, measurement, run
from tests.workspaces import context_of

SCENARIO = "thing.alone"
RUN = run(scenarios=[SCENARIO])


@pytest.fixture
def context(workspace: Workspace) -> RunContext:
    return context_of()


def measured(number: int = 1, **more: object) -> MeasuredRepetition:
    reason = RepetitionReason.SUSPECT if number > 1 else None
    repetition = Repetition(number=number, measurements=[measurement(SCENARIO)], reason=reason)
    return MeasuredRepetition(run=RUN, scenario=SCENARIO, repetition=repetition, **more)


def refuse(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def refused(*_: object) -> None:
        raise error

    for name in ("save_measurements", "add_repetition"):
        monkeypatch.setattr(Store, name, refused)


def rescue(context: RunContext, *repetitions: MeasuredRepetition) -> Path:
    with pytest.MonkeyPatch.context() as patch, Store.open(context.workspace.results_url) as store:
        refuse(patch, BadInputError("results.db: no space left on the disk; make room."))
        for repetition in repetitions:
            with pytest.raises(
                NotKeptError, match=r"no space left.*is in .*loadtasks keep .*loadtasks judge"
            ) as caught:
                save_or_rescue(context, store, repetition)
    assert str(caught.value.folder) in str(caught.value)
    return caught.value.folder


def test_it_goes_to_files_and_comes_back_whole_with_its_run(context: RunContext) -> None:
    first, second = measured(failure=failure("x")), measured(2)
    folder = rescue(context, second, first)
    assert folder == (context.workspace.var / FOLDER / RUN.id).absolute()
    assert keep(context, folder) == [(RUN.id, SCENARIO), (RUN.id, SCENARIO)]
    with Store.open(context.workspace.results_url) as store:
        assert store.run(RUN.id).model_copy(update={"sequence": RUN.sequence}) == RUN
        kept = store.repetitions(RUN.id, SCENARIO)
        assert [repetition.measurements for repetition in kept] == [
            first.repetition.measurements,
            second.repetition.measurements,
        ]
        assert kept[1].reason is RepetitionReason.SUSPECT
        assert store.failures(RUN.id) == {SCENARIO: failure("x")}
    assert not folder.exists()


def test_what_the_run_has_already_stays(context: RunContext) -> None:
    folder = rescue(context, measured())
    newer = measurement(SCENARIO, times_s=(0.2,) * 10)
    with Store.open(context.workspace.results_url) as store:
        store.open_run(RUN)
        store.save_measurements(RUN.id, SCENARIO, [newer])
    assert keep(context, folder) == []
    with Store.open(context.workspace.results_url) as store:
        assert store.measurements(RUN.id) == [newer]


def test_where_var_cannot_be_written_it_is_in_a_temporary_folder(
    context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(context.workspace.results_url).close()
    (context.workspace.var / FOLDER).write_text("a file")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    folder = rescue(context, measured(), measured(2))
    assert folder.parent == tmp_path / "elsewhere"
    assert keep(context, folder) == [(RUN.id, SCENARIO)] * 2  # one folder, which the message names
    assert not folder.exists()
    elsewhere = tmp_path / "somebody"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    other = rescue(context, measured())
    assert other not in (folder, elsewhere)
    assert list(elsewhere.iterdir()) == []
    shutil.rmtree(other)


def test_where_nothing_can_be_written_the_sentence_says_that_it_is_lost(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_folder() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    with Store.open(context.workspace.results_url) as store:
        (context.workspace.var / FOLDER).write_text("a file")
        monkeypatch.setattr("tempfile.gettempdir", no_folder)
        refuse(monkeypatch, BadInputError("locked."))
        with pytest.raises(
            BadInputError, match=rf"locked\. .*{SCENARIO} is lost: neither .*var nor a temporary folder"
        ):
            save_or_rescue(context, store, measured())


def test_a_mistake_of_ours_rescues_too_and_says_so(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(context.workspace.results_url) as store:
        refuse(monkeypatch, TypeError("x"))
        with pytest.raises(TypeError) as caught:
            save_or_rescue(context, store, measured())
    assert "python -m loadtasks keep" in caught.value.__notes__[0]


@pytest.mark.parametrize("text", ["", "{}", "[1"])
def test_a_file_that_holds_something_else_is_named(context: RunContext, text: str) -> None:
    folder = rescue(context, measured())
    (folder / "other.json").write_text(text)
    with pytest.raises(BadInputError, match=r"other\.json: holds no rescued measurement"):
        keep(context, folder)
    (folder / "other.json").unlink()
    assert keep(context, folder)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("repetition", "measurements"), [], "it has no measurement"),
        (("repetition", "measurements", 0, "scenario"), "thing.other", "its measurements are of another scenario"),
        (("repetition", "measurements", 0, "body_bytes"), 2**63, "body_bytes: number of at most 1e\\+18"),
        (("run", "load_factor"), 1e300, "load_factor: number of at most 1e\\+18"),
    ],
)
def test_a_file_that_somebody_edited_is_refused_before_anything_is_taken_in(
    context: RunContext, path: tuple[str | int, ...], value: object, words: str
) -> None:
    folder = rescue(context, measured(2))
    (file,) = folder.glob("*.json")
    document = json.loads(file.read_text())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file.write_text(json.dumps(document))
    with pytest.raises(BadInputError, match=rf"{file}: holds no rescued measurement \(.*{words}"):
        keep(context, folder)
    with Store.open(context.workspace.results_url) as store:
        assert store.run_ids() == []
