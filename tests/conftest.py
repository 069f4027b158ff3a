"""Nodes that tests start let administrators in by a one-time link alone; what asks for a second factor says so."""

from __future__ import annotations

import os

os.environ.setdefault("LUYTRE_API_SECOND_FACTOR", "none")
