"""How messages are sent from Airflow: what its connections and its configuration say goes before the environment."""

import json

from tests.airflow_process import AirflowProcess

_MAILING = """
import json, os
from loadtasks.airflow.bodies.telling import mailing
def mailed():
    context = mailing()
    urls = [url.get_secret_value() for url in context.settings.notify_urls]
    return [urls, context.workspace.pages_url, context.workspace.report_address("run")]
found = []
for environment in json.loads(os.environ["ENVIRONMENTS"]):
    os.environ.update(environment)
    found.append(mailed())
print(json.dumps(found))
"""


def test_airflow_knows_its_pages_and_where_news_go(airflow: AirflowProcess) -> None:
    environments = [
        {"AIRFLOW__API__BASE_URL": "https://airflow.example.org/team/", "LOADTASKS_NOTIFY_URLS": "json://environment"},
        {
            "AIRFLOW_CONN_PERFORMANCE_NOTIFY": json.dumps({"conn_type": "generic", "password": "json://a/b json://c"}),
            "LOADTASKS_PAGES_URL": "https://pages.example.org",
            "LOADTASKS_REPORTS_URL": "https://reports.example.org",
        },
    ]
    pages = "https://airflow.example.org/team/performance"
    assert airflow.evaluate(_MAILING, ENVIRONMENTS=json.dumps(environments)) == [
        [["json://environment"], pages, f"{pages}/files/run/index.html"],
        [["json://a/b", "json://c"], "https://pages.example.org", "https://reports.example.org/run/index.html"],
    ]
