"""The scenarios to be repeated, as lines of a log or a console."""

from collections.abc import Iterator, Mapping

from loadtasks.results.repetitions import RepetitionReason


def render_repetitions_due(due: Mapping[str, RepetitionReason]) -> Iterator[str]:
    """One line for each reason: `Confirmation: repeating config.read, since it looks worse than its baseline`."""
    missing = [scenario for scenario, reason in due.items() if reason is RepetitionReason.MISSING]
    if missing:
        yield f"Measuring {', '.join(missing)} now, of which nothing was kept"
    invalid = [scenario for scenario, reason in due.items() if reason is RepetitionReason.INVALID]
    if invalid:
        yield f"Repeating {', '.join(invalid)}, which {'was' if len(invalid) == 1 else 'were'} invalid"
    confirmed = [scenario for scenario, reason in due.items() if reason is RepetitionReason.SUSPECT]
    if confirmed:
        why = "it looks worse than its baseline" if len(confirmed) == 1 else "they look worse than their baselines"
        yield f"Confirmation: repeating {', '.join(confirmed)}, since {why}"
    learned = [scenario for scenario, reason in due.items() if reason is RepetitionReason.LEARNING]
    if learned:
        yield f"Repeating {', '.join(learned)}, to learn how much the measurements of one run differ"
