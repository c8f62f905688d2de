"""Plain `requests`, one session in each thread. Arguments: URL THREADS SECONDS; prints requests a second."""

import sys
import threading
import time

import requests

url, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
counts: list[int] = []


def work(until: float) -> None:
    """Send until the time is over."""
    done = 0
    with requests.Session() as session:
        session.trust_env = False
        while time.perf_counter() < until:
            session.get(f"{url}/k").raise_for_status()
            done += 1
    counts.append(done)


began = time.perf_counter()
workers = [threading.Thread(target=work, args=(began + seconds,)) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(sum(counts) / (time.perf_counter() - began))
