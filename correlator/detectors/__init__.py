"""Detectors: one file each, found by the registry (`DETECTOR`); see README.md."""

from __future__ import annotations

import sys

from correlator.detector import Detector
from sensors.registry import find


def found_detectors() -> dict[str, Detector]:
    """File name → detector."""
    return find(sys.modules[__name__], "DETECTOR", Detector)
