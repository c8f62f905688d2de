"""What the tests of the DAG share."""

import pytest

from tests.dags.airflow_process import AirflowProcess


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> AirflowProcess:
    """An Airflow whose database and logs are in a folder of the test's own."""
    return AirflowProcess.within(tmp_path_factory.mktemp("var"))
