"""A person asks for a harmless test event; the log role makes it. The spool has one writer, so the asking is a file.

In:  `ask()` leaves `<data>/run/selftest/<id>.json`. Out: `asked()` gives the requests; `done()` takes one away, after
its event is durable. Killed in between, the role makes the event again with the same id.
Bound: 16 requests a round, 4 KiB each.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from sensors.clock import rfc3339
from sensors.event import Event, event_id, new_event

DATASET = "luytre.selftest"
REQUESTS_LIMIT, REQUEST_BYTES = 16, 4096
MESSAGE = "Sự kiện thử vô hại của Lũy Tre, không phải sự cố / harmless Lũy Tre self-test, not an incident"


class Request(msgspec.Struct, frozen=True):
    id: str
    user: str
    asked: float


def folder(data: Path) -> Path:
    return data / "run" / "selftest"


def ask(data: Path, request: Request) -> Path:
    where = folder(data)
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{request.id}.json"
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(request))
    temporary.replace(path)
    return path


def asked(data: Path) -> list[tuple[Path, Request]]:
    found = []
    for path in sorted(folder(data).glob("*.json"))[:REQUESTS_LIMIT]:
        try:
            with path.open("rb") as file:
                found.append((path, msgspec.json.decode(file.read(REQUEST_BYTES), type=Request)))
        except (OSError, msgspec.MsgspecError):
            done(path)
    return found


def done(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def event(request: Request, observer: str, now: float) -> Event:
    made = new_event(DATASET, now, {
        "event.kind": "event", "event.action": "selftest", "message": MESSAGE, "tags": ["selftest"],
        "luytre.selftest.id": request.id[:64], "luytre.selftest.asked": rfc3339(request.asked),
        "user.name": request.user[:64], "host.name": observer, "agent.type": "log", "event.created": rfc3339(now),
    })  # fmt: skip
    made["event"]["id"] = event_id(observer, "selftest", request.id)
    return made
