"""How well detectors find the steps that people see in real series of performance measurements."""
