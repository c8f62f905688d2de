"""How a task fails with one sentence at the end of its log."""

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule


class TaskFailure(SystemExit):
    """Ends a task as failed, without a traceback in its log.

    Airflow logs a traceback of every exception that ends a task, AirflowFailException too, but for SystemExit, of which
    it logs the exit code. Unlike the former, SystemExit may be retried: `NO_RETRY` rules that out.
    """

    def __init__(self, sentence: str, exit_code: int) -> None:
        """Fail.

        Args:
            sentence: why, and what to do; it is in the log already.
            exit_code: what the command line would end with.
        """
        super().__init__(exit_code)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


NO_RETRY = ExceptionRetryPolicy(rules=[RetryRule(exception=TaskFailure, action=RetryAction.FAIL)])
"""A person has to do something before another try can go better; a worker that dies is another matter."""
