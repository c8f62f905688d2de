"""Health check of a Celery worker: it answers a ping sent through the broker.

Without Airflow, whose import would take seconds of the processor that is measuring.
"""

import os
import socket
import sys

from celery import Celery

TIMEOUT_S = 10

node = f"celery@{socket.gethostname()}"
app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
if not app.control.inspect(destination=[node], timeout=TIMEOUT_S).ping():
    sys.exit(f"{node} doesn't answer.")
