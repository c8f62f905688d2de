"""The process that drives a scenario: its monitor, its health, its calibration, and several of them together."""
