"""A package, so that Chromium and the nodes of `conftest.py` end with its last test and not with the session."""
