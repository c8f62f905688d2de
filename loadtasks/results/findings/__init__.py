"""Findings as data: the codes, the finding itself, and the parameters of each code. `loadtasks.report` words them."""
