"""What tells an alert's events apart: conditions for an exception, from the events themselves.

In:  the rule's subject, the alert's events, how its hits are grouped. Out: `Proposed` conditions, the likely chosen.
Only fields that every event has, with at most VALUES_SHOWN values between them. Chosen are who and what: host, account,
program, and what the rule groups by. An address alone is never chosen: it stands for whoever has it next, so it comes
with the thing that was asked of it (a port, a name, a path).
`attacker_chosen`: the other side writes this value (a user agent, a name in a temporary folder), so an exception of it
is an invitation. The table of fields is ours; folders after MITRE ATT&CK T1036, T1204 (places that anybody may write).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.exceptions.rulebook import Subject
from api.exceptions.selection import FIELD, VALUE_CHARS, Condition
from correlator.engine.conditions import MISSING, members
from correlator.engine.rule import LogSource
from correlator.engine.sources import EventView, Source, flat
from correlator.engine.values import text_of
from correlator.exceptions import AGENCY_FIELD
from sensors.event import Event

VALUES_SHOWN = 5
WHO = ("host.name", "winlog.computer_name", "user.name", "user.target.name")
WHAT = ("process.executable", "process.name", "process.parent.executable", "service.name", "event.code")
ADDRESSES = ("source.ip", "destination.ip")
ASKED = ("destination.port", "destination.domain", "dns.question.name", "url.domain", "url.path", "http.request.method",
         "tls.client.server_name", "network.protocol")  # fmt: skip
REST = ("process.command_line", "process.parent.name", "file.path", "user_agent.original", "url.original",
        "observer.name", "event.action", "event.outcome")  # fmt: skip
ORDER = (*WHO, *WHAT, *ADDRESSES, *ASKED, *REST)
# Whoever attacks writes these himself, or chooses the name that they show.
WRITTEN_BY_OTHERS = frozenset(
    ("user_agent.original", "url.original", "url.path", "url.query", "url.domain", "dns.question.name", "file.name",
     "process.command_line", "process.name", "tls.client.server_name", "http.request.referrer", "http.request.method",
     "destination.domain", "email.from.address", "email.subject", "file.path", "source.domain", "CommandLine",
     "ParentCommandLine", "c-useragent", "cs-user-agent", "c-uri", "cs-uri-query", "cs-uri-stem", "QueryName",
     "TargetFilename", "ScriptBlockText")
)  # fmt: skip
_PATHS = frozenset(("process.executable", "process.parent.executable", "Image", "ParentImage"))
_ANYONE_WRITES = re.compile(
    r"(?i)[\\/](te?mp|appdata|downloads|users[\\/]public|programdata|perflogs|var[\\/]tmp|dev[\\/]shm|home)([\\/]|$)"
    r"|\$recycle\.bin"
)


@dataclass(frozen=True, slots=True)
class Proposed:
    condition: Condition
    chosen: bool
    attacker_chosen: bool


def propose(subject: Subject | None, events: Sequence[Event], group: Mapping[str, str]) -> list[Proposed]:
    """In the order in which they are shown: chosen ones first."""
    views = list(_views(subject, events))
    names = [*dict.fromkeys((*group, *ORDER))]
    there = {name: found for name in names if FIELD.fullmatch(name) and name != AGENCY_FIELD
             and (found := _common(name, views))}  # fmt: skip
    picked = _picked(there, group)
    made = [
        Proposed(Condition(field=name, values=tuple(values)), name in picked, is_attacker_chosen(name, values))
        for name, values in there.items()
    ]
    return sorted(made, key=lambda one: not one.chosen)


def is_attacker_chosen(field: str, values: Iterable[str]) -> bool:
    if field in WRITTEN_BY_OTHERS:
        return True
    return field in _PATHS and any(_ANYONE_WRITES.search(value) for value in values)


def is_only_addresses(conditions: Iterable[Condition]) -> bool:
    return all(one.field in ADDRESSES or one.field.endswith(".ip") for one in conditions)


def _picked(there: Mapping[str, Sequence[str]], group: Mapping[str, str]) -> set[str]:
    picked = {name for name in there if name in group or name in WHO[:1] or name == "user.name"}
    # Not one that anybody may take on: a warning at each exception is a warning that nobody reads.
    program = next((name for name in WHAT if name in there and not is_attacker_chosen(name, there[name])), None)
    picked |= {program} if program else set()
    if all(name in ADDRESSES for name in picked):
        picked |= {name for name in ADDRESSES if name in there}
        asked = next((name for name in (*ASKED, *REST) if name in there), None)
        picked |= {asked} if asked else set()
    return picked


def _common(name: str, views: Sequence[EventView]) -> list[str]:
    """The values of a field that all of the events have, [] when one lacks it or they are too many."""
    found: dict[str, str] = {}
    for view in views:
        value = view.value(name)
        texts = [text for one in members(value if value is not MISSING else None) if (text := text_of(one))]
        if not texts or len(texts[0]) > VALUE_CHARS:
            return []
        found.setdefault(texts[0].lower(), texts[0])
        if len(found) > VALUES_SHOWN:
            return []
    return list(found.values())


def _views(subject: Subject | None, events: Sequence[Event]) -> Iterable[EventView]:
    """As the rule sees them; an event that the rule no longer matches, as it is."""
    names = {rule.id for rule in subject.rules} if subject else set()
    for event in events:
        matches = subject.chosen.engine.match(event) if subject else []
        match = next((one for one in matches if one.rule.id in names), None)
        yield match.view if match else EventView(flat(event), Source("", (), LogSource()))
