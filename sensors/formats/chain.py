"""The way of a line: envelope → envelope → body, and the Event that comes out. `Chain(found()).event(line, context)`.

In:  one line (bytes) or one decoded object, with the time and zone around it. Out: an Event, always: what no format
     reads is `luytre.unparsed`, dataset `unparsed`, with its text as message. `event.original` keeps the line.
Bound: at most three envelopes around a body; the event fits `ONE_EVENT_LIMIT_BYTES`, cut and marked otherwise.
Which of two bodies that read the same line (nginx and Apache share a grammar) is decided by a name given, then by the
syslog program, then by `prefer` (a file's path or its first lines), then by rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from time import perf_counter
from typing import Any, NamedTuple

from sensors import formats, registry
from sensors.event import ONE_EVENT_LIMIT_BYTES, Event, encode, new_event, put
from sensors.formats.format import LINE_LIMIT_BYTES, Context, Format, Parsed, Payload
from sensors.formats.grammar.text import decode, visible

ENVELOPES_LIMIT = 3
_SMALL = ONE_EVENT_LIMIT_BYTES // 16  # below this no escaping can bring an event over the limit
UNPARSED = "unparsed"
ANY_PROGRAM = "*"


class Step(NamedTuple):
    """One trial, for `luytre-sensor explain`."""

    name: str
    verdict: str  # "read", "matched, not read", "no match"
    seconds: float
    parsed: Parsed | None


@cache
def found() -> Mapping[str, Format]:
    return registry.find(formats, "FORMAT", Format, skip=("chain", "format", "grammar"))


class UnknownFormatError(ValueError):
    """A format was asked for that does not exist."""


class Chain:
    def __init__(self, known: Mapping[str, Format], named: str = "", prefer: str = "") -> None:
        ordered = sorted(known.items(), key=lambda item: (item[0] != prefer, item[1].rank, item[0]))
        self._envelopes = [(name, one) for name, one in ordered if one.kind == "envelope"]
        self._bare = [(name, one) for name, one in ordered if one.kind == "body" and one.bare]
        self._by_program: dict[str, list[tuple[str, Format]]] = {}
        for name, one in ordered:
            for program in one.programs:
                self._by_program.setdefault(program, []).append((name, one))
        self.named = named
        self._asked = [(name, one) for name, one in ordered if named in (name, one.dataset) or named in one.aliases]
        if named and not self._asked:
            raise UnknownFormatError(named)

    def event(self, line: bytes, context: Context, steps: list[Step] | None = None) -> Event:
        text, proper = decode(line.rstrip(b"\r\n")[:LINE_LIMIT_BYTES])
        event = self.payload(visible(text), context, steps)
        event["event"]["original"] = text
        if not proper:
            put(event, "luytre.malformed", True)
        if len(line) > LINE_LIMIT_BYTES + 2:
            put(event, "luytre.truncated", True)
        if len(line) > _SMALL:
            _fit(event)
        return event

    def payload(self, payload: Payload, context: Context, steps: list[Step] | None = None) -> Event:
        parts, dataset = self._walk(payload, context, steps)
        if not parts:
            text = payload if isinstance(payload, str) else ""
            fields = {"message": text, "luytre.unparsed": True, "event.kind": "event"}
            return new_event(UNPARSED, context.now, fields)
        when = next((part.when for part in reversed(parts) if part.when is not None), None)
        if when is None or not -62135596800 <= when <= 253402300799:  # years 1 to 9999
            when = context.now
        event = new_event(dataset, when, {})
        for part in parts:
            if part.document is not None:
                for key, value in part.document.items():
                    here = event.get(key)
                    event[key] = here | value if isinstance(here, dict) and isinstance(value, dict) else value
                put(event, "event.dataset", dataset)
            for name, value in part.fields.items():
                if value is not None:
                    _put(event, name, value)
        event["event"].setdefault("kind", "event")
        return event

    def _walk(self, payload: Payload, context: Context, steps: list[Step] | None) -> tuple[list[Parsed], str]:
        """The parts from outside in, and the dataset: the innermost that names one."""
        parts: list[Parsed] = []
        dataset = ""
        program = ""
        for _ in range(ENVELOPES_LIMIT + 1):
            here = Context(context.now, context.zone, program) if program else context
            one, parsed = self._read(self._candidates(payload, program, outermost=not parts), payload, here, steps)
            if one is None or parsed is None:
                break
            if one.kind == "body":
                for part in parts:  # a body that knows the object leaves no second copy of it
                    part.fields.pop("json", None)
                parts.append(parsed)
                return parts, parsed.dataset or one.dataset
            parts.append(parsed)
            dataset = parsed.dataset or (self.named if self.named in one.aliases else one.dataset)
            program = parsed.program or program
            if parsed.payload is None or len(parts) > ENVELOPES_LIMIT:
                break
            payload = parsed.payload
        return parts, dataset

    def _candidates(self, payload: Payload, program: str, *, outermost: bool) -> Iterable[tuple[str, Format]]:
        # `postfix/submission/smtpd` is one of postfix's services, whatever an administrator calls them.
        of_program = self._by_program.get(program) or self._by_program.get(program.partition("/")[0], [])
        meant = [*of_program, *self._by_program.get(ANY_PROGRAM, ())] if program else ()
        free = isinstance(payload, dict) or (outermost and not program)
        asked = [one for one in self._asked if one[1].kind == "body"] if outermost else []
        # Envelopes before bare bodies: a wrapped line is to be unwrapped, not read as a body with odd first words.
        return [*asked, *meant, *(self._envelopes if isinstance(payload, str) else []), *(self._bare if free else [])]

    @staticmethod
    def _read(
        candidates: Iterable[tuple[str, Format]], payload: Payload, context: Context, steps: list[Step] | None
    ) -> tuple[Format | None, Parsed | None]:
        for name, one in candidates:
            started = perf_counter() if steps is not None else 0.0
            matched = one.match(payload, context)
            parsed = one.parse(payload, context) if matched else None
            if steps is not None:
                verdict = "read" if parsed else "matched, not read" if matched else "no match"
                steps.append(Step(name, verdict, perf_counter() - started, parsed))
            if parsed is not None:
                return one, parsed
        return None, None


@lru_cache(maxsize=4096)
def _split(path: str) -> tuple[tuple[str, ...], str]:
    *heads, last = path.split(".")
    return tuple(heads), last


def _put(event: Event, path: str, value: Any) -> None:
    """`event.put` with the paths split once: formats name the same few hundred."""
    heads, last = _split(path)
    here = event
    for head in heads:
        inner = here.get(head)
        if inner.__class__ is not dict:
            inner = here[head] = {}
        here = inner
    here[last] = value


def prefer(lines: Iterable[bytes], known: Mapping[str, Format], path: str, context: Context) -> str:
    """The name of the format that a file is taken for: its path says so, or a line that only one format reads.

    With `prefer`, lines that several formats read are decided for the whole file and not line by line.
    """
    lower = path.lower()
    for name, one in known.items():
        if one.kind == "body" and any(program in lower for program in one.programs if len(program) > 3):
            return name
    bodies = [(name, one) for name, one in known.items() if one.kind == "body" and one.bare]
    only: dict[str, int] = {}
    for line in lines:
        text = visible(decode(line.rstrip(b"\r\n")[:LINE_LIMIT_BYTES])[0])
        read = [name for name, one in bodies if one.match(text, context) and one.parse(text, context)]
        if len(read) == 1:
            only[read[0]] = only.get(read[0], 0) + 1
    return max(only, key=lambda name: (only[name], name)) if only else ""


def _fit(event: Event) -> None:
    """Drop and cut until the event fits: first the copy of the line, then the text."""
    for path, keep in (("original", 0), ("message", 8192)):
        if len(encode(event)) <= ONE_EVENT_LIMIT_BYTES:
            return
        put(event, "luytre.truncated", True)
        holder: dict[str, Any] = event["event"] if path == "original" else event
        text = holder.get(path)
        if isinstance(text, str):
            holder[path] = text[:keep]
    if len(encode(event)) > ONE_EVENT_LIMIT_BYTES:
        kept = {"@timestamp": event["@timestamp"], "event": {"dataset": event["event"].get("dataset", UNPARSED)}}
        kept |= {"message": str(event.get("message", ""))[:8192], "luytre": {"truncated": True}}
        event.clear()
        event.update(kept)
