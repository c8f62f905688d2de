"""An executor for one machine whose tasks begin at once: what they import is there already.

    AIRFLOW__CORE__EXECUTOR=loadtasks.airflow.warm_executor.WarmLocalExecutor

Airflow's LocalExecutor forks a process for each task, which then imports the pipeline: a second and a half of CPU time,
twenty times a run. And its scheduler sleeps for a second whenever nothing has happened, so that each task waits for the
end of that sleep. Both are more than what most tasks do.
"""

import time

from airflow.executors.local_executor import LocalExecutor

MAX_WAIT_S = 0.9
"""How long the scheduler waits for the end of a task before it goes round again; Airflow sleeps for 1 s by default."""
_POLL_S = 0.02


class WarmLocalExecutor(LocalExecutor):
    """A LocalExecutor that imports the pipeline before it forks, and returns from its wait when a task ends.

    After a change of the pipeline's code, restart the scheduler: its tasks go on with the code of its start. DAG files
    are read anew by each task all the same.
    """

    def start(self) -> None:
        """Import what tasks need, then start the processes that run them: all share that memory."""
        from loadtasks.airflow import preloaded  # noqa: F401, PLC0415 - Airflow's other commands load executors too

        super().start()

    def sync(self) -> None:
        """Wait until a task has ended, at most `MAX_WAIT_S`, and note which have.

        The scheduler calls this once in each of its rounds and sleeps after a round in which nothing has ended. The
        wait takes the place of that sleep, so make it short: `[scheduler] scheduler_idle_sleep_time = 0.1`.
        """
        deadline = time.monotonic() + MAX_WAIT_S
        while self.result_queue.empty() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        super().sync()
