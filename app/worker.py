"""gunicorn's threaded worker, changed to stop listening as soon as it stops."""

from __future__ import annotations

from gunicorn.workers.gthread import ThreadWorker


class GracefulWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn comes without types
    """Refuses new connections while it finishes its requests.

    gunicorn's own worker keeps its listening sockets open until it ends, but stops accepting: the system still
    establishes connections, whose requests are never processed.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting; a worker that stops accepts the established connections and closes its sockets."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            count = -1
            while count < self.nr_conns:
                count = self.nr_conns
                self.accept(listener)
            listener.close()
