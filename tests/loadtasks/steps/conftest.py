"""A scripted API and a workspace with its scenarios."""

from tests.thing import api, server, workspace

__all__ = ["api", "server", "workspace"]
