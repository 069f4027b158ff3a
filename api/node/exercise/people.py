"""A person at a node's people's port, for exercises: log in by a link, read, act. The same API that the screens use."""

from __future__ import annotations

import json
from typing import Any

import urllib3

TIMEOUT_S = 30.0


class Refused(Exception):
    """The API said no: its problem document."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"{status}: {problem}")
        self.status, self.problem = status, problem


class Person:
    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)
        self._cookie, self._csrf = "", ""

    def log_in(self, link: str) -> None:
        """By a one-time link as `luytre users link` prints it."""
        answer = self._send("POST", "/session/link", {"token": link.partition("token=")[2]})
        self._csrf = answer["csrf"]

    def get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, None, {key: str(value) for key, value in query.items()})

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._send("POST", path, body or {})

    def _send(self, method: str, path: str, body: Any, query: dict[str, str] | None = None) -> Any:
        headers = {"Accept": "application/json", "Origin": self._base}
        if self._cookie:
            headers["Cookie"] = self._cookie
        if body is not None:
            headers |= {"Content-Type": "application/json", "X-CSRF-Token": self._csrf}
        url = f"{self._base}/api/v1{path}"
        if body is None:
            answer = self._http.request(method, url, fields=query, headers=headers)
        else:
            answer = self._http.request(method, url, body=json.dumps(body).encode(), headers=headers)
        if "Set-Cookie" in answer.headers:
            self._cookie = answer.headers["Set-Cookie"].partition(";")[0]
        found = json.loads(answer.data) if answer.data else None
        if answer.status >= 400:
            raise Refused(answer.status, found)
        return found

    def close(self) -> None:
        self._http.clear()
