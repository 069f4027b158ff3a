"""The spool: what a sensor has seen and the centre has not yet acknowledged."""

from sensors.spool.item import SpoolItem, SpoolPosition
from sensors.spool.reader import Backlog, SpoolReader
from sensors.spool.writer import SpoolWriter

__all__ = ["Backlog", "SpoolItem", "SpoolPosition", "SpoolReader", "SpoolWriter"]
