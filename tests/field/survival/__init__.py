"""Runs that are killed, whose disks fill up and whose results database is locked, and what is left of them.

`python -m tests.field.survival` does it to the real product, some hundred times, and prints a table. It takes about
half an hour on two cores, needs root for its file systems in memory, and is no part of `make test`;
tests/field/test_survival.py has a few of these cases, and shows that the checks find what is wrong.

    target.py        the API under test
    site.py          a folder with everything of one case, and the product started in it
    staged.py        the product, stopped at a step of its run until something was done to it
    aftermath.py     what has to hold afterwards: what was measured is kept, the next run is as if nothing had been
    disturbances.py  what is done: kills, signals, full disks, locks
"""
