"""A program's log: one JSON object a line on stderr, what happened under "event", the rest as named values.

In:  `log.info("rules loaded", running=20)`. Out: {"process", "event", "running", "level", "time"} on one line, written
     by one call, so that threads don't tear each other's lines. Control characters are escaped (nothing from a log line
     drives a terminal), values whose key is named like a secret are replaced.
Never raises: a value that JSON lacks is shown by repr, a stderr that is gone is passed over.
Own 60 lines instead of structlog, which imports asyncio, and rich where that is installed: 0.36 s of processor time and
16 MB in each of a node's seven processes (measured 2026-11-22; an old machine has two cores and 4 GB).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from sensors.clock import rfc3339

_SECRET = ("password", "secret", "token", "cookie", "authorization", "private_key")
_LINE_LIMIT = 32_768  # characters; a message that quotes a stranger's input cannot fill the disk by itself
# JSON leaves DEL, C1 (0x9b starts a terminal sequence) and Unicode's line ends as they are.
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}


class Logger:
    __slots__ = ("_bound",)

    def __init__(self, bound: Mapping[str, Any]) -> None:
        self._bound = dict(bound)

    def bind(self, **values: Any) -> Logger:
        """The same log with these values on every line."""
        return Logger(self._bound | values)

    def info(self, event: str, **values: Any) -> None:
        self._write("info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        self._write("warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        self._write("error", event, values)

    def exception(self, event: str, **values: Any) -> None:
        """An error, with the traceback of the exception that is being handled."""
        self._write("error", event, {"exc_info": True} | values)

    def _write(self, level: str, event: str, values: dict[str, Any]) -> None:
        error = values.pop("exc_info", None)
        line = self._bound | {"event": event} | values | {"level": level, "time": rfc3339(time.time())}
        if error and (text := _traceback(error)):
            line["exception"] = text
        for key in line:
            if any(word in key.lower() for word in _SECRET):
                line[key] = "***"
        try:
            text = json.dumps(line, ensure_ascii=False, default=repr)
        except (ValueError, TypeError, RecursionError):
            plain = {key: value if isinstance(value, str) else repr(value)[:1000] for key, value in line.items()}
            text = json.dumps(plain, ensure_ascii=False)
        if len(text) > _LINE_LIMIT:
            text = json.dumps({"event": event[:1000], "level": level, "time": line["time"], "cut": text[:_LINE_LIMIT]})
        try:
            sys.stderr.write(text.translate(_ESCAPED) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass  # nobody reads it any more: no reason to stop


def logger(name: str) -> Logger:
    return Logger({"process": name})


def _traceback(error: Any) -> str:
    import traceback

    if isinstance(error, BaseException):
        found = traceback.format_exception(error)
    elif isinstance(error, tuple):
        found = traceback.format_exception(*error)
    else:
        found = [traceback.format_exc()] if sys.exc_info()[0] else []
    return "".join(found).strip()
