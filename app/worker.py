"""gunicorn's worker with threads, which stops listening as soon as it is told to stop."""

from __future__ import annotations

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn comes without types
    """Refuses new connections while it finishes what it has.

    gunicorn's own worker keeps the listening sockets until its end without accepting from them: the system goes on
    taking connections for it, whose requests nobody answers.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting; when the worker stops, take what has connected already and close the sockets."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            count = -1
            while count < self.nr_conns:
                count = self.nr_conns
                self.accept(listener)
            listener.close()
