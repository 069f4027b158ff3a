"""The fast path: equal to `tests/naive/sigma.py` on every rule and event, and measured by `luytre-correlator bench`."""
