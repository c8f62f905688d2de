"""The nightly performance pipeline as a library and a command line.

Rooms, in the direction of the flow: ``scenarios`` (what to send), ``engine`` (how it is sent), ``results`` (what was
measured, kept), ``verdict`` (what it means), ``report`` (how it is told). ``steps`` strings them together for one run;
``cli`` and the Airflow DAGs call ``steps`` and add no logic of their own.
"""

__version__ = "0.1.0"
