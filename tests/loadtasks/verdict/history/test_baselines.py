import numpy as np

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_REPETITIONS, Baselines


def baselines(values: np.ndarray) -> Baselines:
    """The baselines of series, a row each, with a run a column."""
    made = Baselines(np.full(len(values), 1e-9), np.full(len(values), 0.1))
    for number in range(values.shape[1]):
        made.add_run(number, values[:, number])
    return made


def test_runs_that_were_taken_out_come_back_as_they_were() -> None:
    values = np.arange(20.0)[None, :]
    made, whole = baselines(values), baselines(values)
    taken = made.take(0, 5)
    assert taken.numbers.tolist() == taken.means.tolist() == [15, 16, 17, 18, 19]
    assert made.count[0] == 15
    made.extend(0, taken)
    np.testing.assert_array_equal(made.first_values, whole.first_values)
    assert made.count[0] == 20


def test_a_baseline_keeps_its_newest_runs() -> None:
    made = baselines(np.arange(MAX_BASELINE_RUNS + 10.0)[None, :])
    assert made.segment(0).numbers.tolist() == list(range(10, MAX_BASELINE_RUNS + 10))


def test_repetitions_join_the_newest_run_of_their_series() -> None:
    made = baselines(np.array([[1.0, 2.0], [3.0, np.nan]]))
    made.add_repetition(np.array([4.0, np.nan]))
    assert made.newest_repetitions.tolist() == [2, 1]
    assert made.segment(0).means.tolist() == [1.0, 3.0]
    assert made.repetitions.shape == (2, MAX_BASELINE_RUNS, MAX_REPETITIONS)
