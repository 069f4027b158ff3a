"""What ingest writes on an event, and how it will know it again.

In:  a checked Event, who sent it (`Name`, from the certificate or key), the `_id` it was sent under, the time.
Out: an `Entry`: the stamped event, its stream ("events" | "hits"), and its identity for dedupe:
     - ours: `luytre.spool.epoch` + `event.sequence` under the mark of "<agency>:<observer>/<agent.type>"; its id is
       H(sender, kind, epoch, sequence, bytes as sent): nobody can take another's id by posting it first, and two lives
       of one spool (a machine put back from a snapshot, a clone) cannot take each other's;
     - others: H(sender, `_id`), remembered 48 h; hits likewise by their own deterministic id;
     - neither: a new id, never deduped.
Identity: `organization.id`, `observer.id`, `observer.name` are the sender's. What it claimed otherwise stands under
     `luytre.claimed.*`, and the machine is flagged. Only the node's own correlator, which hands on what it read from
     the store, names agencies and observers itself, and only it may put `event.kind: alert` into the hits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from api.auth.ca import Name
from api.auth.machines import STREAMS
from correlator.store.base import Mark
from sensors.clock import parse_rfc3339, rfc3339
from sensors.event import Event, event_id

Stream = Literal["events", "hits"]
_STREAM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)
_LIMIT = 2**63


@dataclass(slots=True)
class Entry:
    event: Event
    stream: Stream
    key: str = ""  # the mark's stream, for ours
    mark: Mark | None = None
    by_id: str = ""  # the id to remember, for others
    claimed_id: str = ""  # ours: the id that the sensor gave; before 2026-11-22 events were stored under it
    claim: str = ""  # what the sender wrongly said it was
    source: str = ""  # agent.type, for the sensor's screen


class Stamp:
    """Stamps for one request. `streams` are the machine's known ones: a machine has at most STREAMS of them."""

    def __init__(self, name: Name, now: float, streams: set[str]) -> None:
        self._name, self._now, self._streams = name, now, streams
        self._ingested = rfc3339(now)

    def __call__(self, event: Event, foreign_id: str | None, source: bytes = b"") -> Entry:
        """`source` is the document as it was sent: a spool sends the same bytes again."""
        own = _object(event, "event")
        ours = _object(event, "luytre")
        ours.pop("ingest", None)
        ours.pop("claimed", None)
        claimed: dict[str, Any] = {}
        when = _time(event.get("@timestamp"))
        if when is None:
            if event.get("@timestamp") is not None:
                claimed["timestamp"] = str(event["@timestamp"])[:64]
            when = self._ingested
        event["@timestamp"] = when
        own["ingested"] = self._ingested
        correlator = self._name.role == "correlator"
        stream: Stream = "hits" if correlator and own.get("kind") == "alert" else "events"
        claim = "" if correlator else self._identify(event, claimed)
        if correlator:
            _object(event, "organization").setdefault("id", self._name.agency)
        entry = Entry(event, stream, claim=claim)
        self._number(entry, event, own, ours, claimed, foreign_id, source)
        if claimed:
            ours["claimed"] = claimed
        if not ours:
            del event["luytre"]
        return entry

    def _identify(self, event: Event, claimed: dict[str, Any]) -> str:
        organization, observer = _object(event, "organization"), _object(event, "observer")
        name = self._name
        claim = []
        said = organization.get("id")
        if said is not None and said != name.agency:
            claimed["agency"] = str(said)[:128]
            claim.append(f"organization.id={claimed['agency']}")
        said = observer.get("name")
        if said is not None and said != name.name:
            claimed["observer"] = str(said)[:128]
            claim.append(f"observer.name={claimed['observer']}")
        organization.clear()
        organization["id"] = name.agency
        observer["id"], observer["name"] = name.id, name.name
        return " ".join(claim)

    def _number(self, entry: Entry, event: Event, own: Event, ours: Event, claimed: dict[str, Any],
                foreign_id: str | None, source: bytes) -> None:  # fmt: skip
        agent = event.get("agent")
        kind = agent.get("type") if isinstance(agent, dict) else None
        spool = ours.get("spool")
        epoch = spool.get("epoch") if isinstance(spool, dict) else None
        sequence = own.get("sequence")
        has_id = isinstance(own.get("id"), str) and _EVENT_ID.fullmatch(own["id"]) is not None
        if (
            self._name.role == "sensor" and _whole(epoch) and _whole(sequence) and has_id
            and isinstance(kind, str) and self._stream(kind)
        ):  # fmt: skip
            entry.key = f"{self._name.agency}:{self._name.name}/{kind}"
            entry.mark = Mark(epoch, sequence)  # type: ignore[arg-type]
            entry.source, entry.claimed_id = kind, own["id"]
            digest = hashlib.blake2b(source, digest_size=16).hexdigest()
            own["id"] = event_id(self._name.id, f"spool:{kind}", f"{epoch}:{sequence}:{digest}")
            return
        ours.pop("spool", None)
        if entry.stream == "hits" or (self._name.role == "correlator" and has_id):
            entry.source = "correlator"
            if has_id:
                entry.by_id = own["id"]
                ours["ingest"] = {"by": "id"}
                return
        if "id" in own:
            claimed["event_id"] = str(own["id"])[:128]
        if foreign_id is not None:
            own["id"] = entry.by_id = event_id(self._name.id, "_id", foreign_id)
            ours["ingest"] = {"by": "id", "id": foreign_id}
        else:
            own["id"] = secrets.token_hex(16)

    def _stream(self, kind: str) -> bool:
        if kind in self._streams:
            return True
        if len(self._streams) >= STREAMS or not _STREAM_NAME.fullmatch(kind):
            return False
        self._streams.add(kind)
        return True


def _object(event: Event, name: str) -> Event:
    """The object called `name`; a plain value that a stranger put there makes room."""
    inner = event.get(name)
    if not isinstance(inner, dict):
        inner = event[name] = {}
    return inner


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LIMIT


def _time(value: Any) -> str | None:
    """`@timestamp` in UTC; Elasticsearch's default date format also takes milliseconds."""
    if isinstance(value, str):
        if _UTC.fullmatch(value) and parse_rfc3339(value) is not None:
            return value
        seconds = parse_rfc3339(value)
        if seconds is None and value.isascii() and value.isdigit() and len(value) <= 15:
            seconds = int(value) / 1000
    elif type(value) is int:
        seconds = value / 1000
    else:
        return None
    return rfc3339(seconds) if seconds is not None and 0 <= seconds < 253402300800 else None
