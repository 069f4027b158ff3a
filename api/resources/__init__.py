"""One file a resource of /api/v1: `ROUTES = Resource(prefix, router)`; `all_routes` finds them, there is no list."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from fastapi import APIRouter

from sensors.registry import find


@dataclass(frozen=True, slots=True)
class Resource:
    prefix: str  # under /api/v1, "" or "/alerts"
    router: APIRouter


def all_routes() -> dict[str, Resource]:
    return find(sys.modules[__name__], "ROUTES", Resource)
