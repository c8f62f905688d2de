"""Locust's two HTTP clients on the same page."""

from locust import FastHttpUser, HttpUser, task


class Fast(FastHttpUser):
    """geventhttpclient."""

    @task
    def page(self) -> None:
        """Get the page."""
        self.client.get("/k")


class Plain(HttpUser):
    """requests."""

    @task
    def page(self) -> None:
        """Get the page."""
        self.client.get("/k")
