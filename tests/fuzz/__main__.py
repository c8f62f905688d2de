"""Fuzz what people give the pipeline: `python -m tests.fuzz --kind scenarios --number 10000 --seed 1`."""

import sys
from pathlib import Path
from time import perf_counter

import click

from tests.fuzz.kinds import kinds
from tests.fuzz.trials import Tally, command_trials, limit_memory, peak_memory, trials

MAX_CPU_S = 5.0
"""CPU time of one file."""
_MEMORY = 2 * 1024**3
_MAX_SHOWN = 40


@click.command()
@click.option("--kind", "names", multiple=True, type=click.Choice(sorted(kinds())), help="All unless given.")
@click.option("--number", default=10_000, help="Files that are tried in this process.")
@click.option("--command-line", "called", default=0, help="Files that are tried through the command line as well.")
@click.option("--seed", default=1)
@click.option("--first", default=0, help="Number of the first file: to try one again.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder to which files that show an error are written.")
def main(names: tuple[str, ...], number: int, called: int, seed: int, first: int, keep: Path | None) -> None:
    """Try changed files of each kind, and exit with 1 if something undocumented happens to one."""
    limit_memory(_MEMORY)
    all_good = True
    for name in names or sorted(kinds()):
        kind, began_s = kinds()[name], perf_counter()
        in_process, by_command = Tally(), Tally()
        for trial in trials(kind, seed, range(first, first + number)):
            in_process.add(trial)
        for trial in command_trials(kind, seed, range(first, first + called), _MEMORY):
            by_command.add(trial)
        click.echo(f"{name}: {perf_counter() - began_s:.0f} s, peak memory {peak_memory() / 2**20:.0f} MiB")
        for title, tally in (("in process", in_process), ("command line", by_command)):
            all_good &= _show(title, tally)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                for trial in tally.wrong:
                    (keep / f"{name}-{seed}-{trial.number}").write_bytes(kind.mutant(seed, trial.number))
    sys.exit(0 if all_good else 1)


def _show(title: str, tally: Tally) -> bool:
    """Print what became of files. Returns whether all of that is documented and quick enough."""
    if tally.slowest is None:
        return True
    click.echo(f"  {title}: {', '.join(f'{count} {outcome}' for outcome, count in tally.outcomes.most_common())}")
    slowest = tally.slowest
    click.echo(f"    slowest: file {slowest.number} with {slowest.cpu_s:.2f} s of CPU ({slowest.outcome[:80]})")
    for trial in tally.wrong[:_MAX_SHOWN]:
        click.echo(f"    file {trial.number}: {trial.outcome}")
    return not tally.wrong and tally.slowest.cpu_s < MAX_CPU_S


if __name__ == "__main__":
    main()
