"""The nightly performance pipeline as a library and a command line.

Packages in the direction of the flow: ``scenarios`` (what to send), ``engine`` (how it is sent), ``measurement`` (what
one run of a scenario showed), ``results`` (what is kept), ``verdict`` (what it means), ``report`` (how it is shown).
``steps`` is this flow as functions; ``cli`` and Airflow call these and add no logic of their own. ``settings`` is read
at the edge.
"""

__version__ = "0.1.0"
