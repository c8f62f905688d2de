"""What holds for all tests."""

from hypothesis import settings

from tests.airflow_process import airflow
from tests.postgresql import postgresql, postgresql_url
from tests.redis_server import redis_server
from tests.server_free import pytest_addoption, pytest_configure

__all__ = ["airflow", "postgresql", "postgresql_url", "pytest_addoption", "pytest_configure", "redis_server"]

# A deadline would be a timed assertion, and machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
