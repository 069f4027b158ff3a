"""Sigma in, matches out: see README.md."""

from correlator.engine.engine import Engine, Match
from correlator.engine.rule import Correlation, Refused, Rule

__all__ = ["Correlation", "Engine", "Match", "Refused", "Rule"]
