"""A node under an alert storm, with a room full of people at its queue: real processes, real HTTP, real acts.

`Storm(folder)` makes a node (`luytre-api serve`) with `people` analysts. `run(seconds)` posts hits to the machine port
as the correlator does (a child process, so that it takes nothing from those who are measured), while as many browsers
as there are people do what the dashboard does: the queue, the head of it when the stream says that something came, the
rows that changed, and now and then an act under the revision that the person saw.
`check()` opens the database afterwards and compares it with what was told: every hit counted once, every accepted act
in the history once and on the very next revision, every refusal really stale.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from api.local_port import ask
from api.node.exercise.world import free_port
from api.node.init import default_tables, make_node
from api.state.base import Database
from api.state.cases import Alert, AlertHit, History
from api.state.people import User
from sensors.event import encode
from sensors.wire import BulkClient, tls_context
from tests.servers.people_port import hit

ROOT = Path(__file__).resolve().parents[2]
AGENCY = "so-tttt"
TICK_S = 0.2  # of the feeder: what the correlator found in one page of events
GATHER_S, HEAD_S, AT_ONCE = 0.5, 1.5, 50  # as dashboards/src/app/live.ts
LEVELS = ("low", "medium", "high", "critical")
LATE_S = 0.05  # how often the browsers' own loop is asked whether it is on time

_Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Told:
    """What the browsers were told."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    acts: list[tuple[str, str, str, int, str]] = field(default_factory=list)  # who, alert, act, revision seen, note
    stale: list[tuple[int, int]] = field(default_factory=list)  # revision sent, revision there was
    refused: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    events: int = 0
    reloads: int = 0
    reconnects: int = 0
    resent: int = 0  # requests whose kept connection had ended
    late_ms: list[float] = field(default_factory=list)  # how late the browsers' own loop was: theirs, not the node's


class Storm:
    def __init__(self, folder: Path, *, people: int = 50, database: str = "", seed: int = 7) -> None:
        self.folder, self.data, self.chance = folder, folder / "data", random.Random(seed)
        self.port, machines = free_port(), free_port()
        tables = default_tables(self.data, AGENCY, "Sở TT", "agency")
        tables["api"] = {"people": f"127.0.0.1:{self.port}", "machines": f"127.0.0.1:{machines}",
                         "second_factor": "none", **({"database": database} if database else {})}  # fmt: skip
        self.machine_url = f"https://127.0.0.1:{machines}"
        self.database = database or self.data / "state" / "luytre.db"
        self.config = make_node(tables)
        self.people = people
        self.told = Told()
        self.posted: list[dict[str, Any]] = []  # per run of the feeder: what it did
        self._process: subprocess.Popen[bytes] | None = None
        self._browsers: list[_Browser] = []

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Storm:
        with (self.folder / "api.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api.serve", "--config", str(self.config)], cwd=ROOT, stderr=log, stdout=log
            )
        end = time.monotonic() + 60
        while ask(self.data, "machines") is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "api.log").read_text())
            time.sleep(0.05)
        for number in range(self.people):
            name = f"truc{number}"
            assert ask(self.data, "user-add", username=name, name=name, role="analyst", agency=AGENCY)
            link = ask(self.data, "user-link", username=name)
            assert link
            self._browsers.append(_Browser(self.port, name, str(link["token"]), random.Random(number), self.told))
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_s(self) -> dict[str, float]:
        """Processor time of the API: of its event loop (the main thread), and of everything."""
        tick = os.sysconf("SC_CLK_TCK")

        def spent(path: str) -> float:
            words = Path(path).read_text("ascii").rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / tick

        return {"all": spent(f"/proc/{self.pid}/stat"), "loop": spent(f"/proc/{self.pid}/task/{self.pid}/stat")}

    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    # --- the storm -------------------------------------------------------------------------------------------------

    def feed(self, hits: int, rate_per_s: float, fresh: float, first: int) -> subprocess.Popen[bytes]:
        """A child that posts `hits`; `fresh`: the share of them that open an alert of their own."""
        answer = self.folder / f"fed-{first}.json"
        words = ["--config", str(self.config), "--url", self.machine_url, "--hits", str(hits), "--rate",
                 str(rate_per_s), "--fresh", str(fresh), "--first", str(first), "--into", str(answer)]  # fmt: skip
        return subprocess.Popen([sys.executable, "-m", "tests.servers.queue_load", *words], cwd=ROOT)

    def fed(self, first: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"fed-{first}.json").read_text())
        self.posted.append(found)
        return found

    def settle(self, limit_s: float = 120.0) -> None:
        """Until casework has read everything that was posted."""
        wanted = sum(found["stored"] for found in self.posted)
        end = time.monotonic() + limit_s
        while self.folded() < wanted:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.folded()} of {wanted} hits folded")
            time.sleep(0.1)

    def folded(self) -> int:
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30).read().decode()
        line = next((line for line in text.splitlines() if line.startswith("luytre_casework_hits{")), "x 0")
        return int(float(line.rpartition(" ")[2]))

    def run(self, seconds: float, *, pause_s: tuple[float, float] = (3.0, 9.0)) -> None:
        asyncio.run(self._run(seconds, pause_s))

    async def _run(self, seconds: float, pause_s: tuple[float, float]) -> None:
        for browser in self._browsers:
            await browser.log_in()
        end = time.monotonic() + seconds
        watch = asyncio.create_task(self._late())
        await asyncio.gather(*(browser.work(end, pause_s) for browser in self._browsers))
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        for browser in self._browsers:
            browser.close()

    async def _late(self) -> None:
        while True:
            due = time.monotonic() + LATE_S
            await asyncio.sleep(LATE_S)
            self.told.late_ms.append((time.monotonic() - due) * 1000)

    # --- what came of it -------------------------------------------------------------------------------------------

    def check(self) -> dict[str, int]:
        """After `stop`; AssertionError when an update was lost, doubled or counted wrongly."""
        told = self.told
        assert not told.wrong, told.wrong[:5]
        assert all(there != sent for sent, there in told.stale), "a 412 for the revision that there is"
        db = Database(self.database)
        try:
            with db.read() as session:
                stored = sum(found["stored"] for found in self.posted)
                assert session.scalar(select(func.sum(Alert.count))) == stored
                hits = dict(session.execute(select(AlertHit.alert_id, func.count()).group_by(AlertHit.alert_id)).all())
                assert hits == dict(session.execute(select(Alert.id, Alert.count)).all())
                of_rule = select(Alert.rule_id, func.sum(Alert.count)).group_by(Alert.rule_id)
                by_group = dict(session.execute(of_rule).all())
                wanted: Counter[str] = Counter()
                for found in self.posted:
                    wanted.update(found["by_rule"])
                assert by_group == wanted
                names = dict(session.execute(select(User.id, User.username)).all())
                did = Counter(
                    (names.get(row.actor_id, ""), row.object_id, row.act, row.note or "")
                    for row in session.execute(
                        select(History.actor_id, History.object_id, History.act, History.note).where(
                            History.actor_id.is_not(None)
                        )
                    )
                )
        finally:
            db.close()
        said = Counter((who, alert, act, note) for who, alert, act, _, note in told.acts)
        assert did == said, (did - said, said - did)
        return {"hits": stored, "alerts": len(hits), "acts": len(told.acts), "stale": len(told.stale)}


class _Browser:
    """One person's tab: a kept connection for requests, one for the stream."""

    def __init__(self, port: int, name: str, token: str, chance: random.Random, told: Told) -> None:
        self._port, self._name, self._token, self._chance, self._told = port, name, token, chance, told
        self._cookie = self._csrf = ""
        self._wires: list[_Wire] = []
        self._stream: asyncio.StreamWriter | None = None
        self._held: list[dict[str, Any]] = []
        self._changed: dict[str, None] = {}
        self._open = ""
        self._came = False
        self._last_event = ""

    async def log_in(self) -> None:
        if self._cookie:
            return
        status, head, body = await self._ask("POST", "/session/link", {"token": self._token})
        assert status == 200, body
        self._csrf = json.loads(body)["csrf"]
        line = next(line for line in head.decode("latin-1").split("\r\n") if line.lower().startswith("set-cookie:"))
        self._cookie = line.partition(":")[2].strip().partition(";")[0]

    async def work(self, end: float, pause_s: tuple[float, float]) -> None:
        await asyncio.sleep(self._chance.random())
        parts = [self._listen(), self._refresh(end), self._heads(end), self._acts(end, pause_s)]
        listening, *others = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.gather(*others)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def close(self) -> None:
        for _, writer in self._wires:
            writer.close()
        self._wires.clear()

    # --- as dashboards/src/app/live.ts -----------------------------------------------------------------------------

    async def _refresh(self, end: float) -> None:
        await self._queue("queue", "/alerts?status=open&sort=-priority&limit=50")
        asked = 0.0
        while time.monotonic() < end:
            await asyncio.sleep(0.05)
            if not self._changed or time.monotonic() < asked + HEAD_S:
                continue
            await asyncio.sleep(GATHER_S)
            held = {alert["id"] for alert in self._held}
            ids = [one for one in self._changed if one in held or one == self._open][:AT_ONCE]
            self._changed.clear()
            asked = time.monotonic()
            if self._open in ids:  # the pane that is open is read whole
                ids.remove(self._open)
                await self._alert(self._open)
                await self._ask("GET", f"/alerts/{self._open}/history", timed="history")
            if ids:
                words = "&".join(f"id={one}" for one in ids)
                await self._queue("changed", f"/alerts?{words}&status=all&limit={len(ids)}")

    async def _heads(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(HEAD_S)
            if self._came:
                self._came = False
                await self._queue("head", "/alerts?status=open&sort=-first_seen&limit=50")

    async def _acts(self, end: float, pause_s: tuple[float, float]) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(self._chance.uniform(*pause_s))
            if not self._held:
                continue
            # People meet at the top of the queue: half of what they do is done to its first five rows.
            top = self._held[:5] if self._chance.random() < 0.5 else self._held
            shown = self._chance.choice(top)
            self._open = shown["id"]
            full = await self._alert(shown["id"])
            await self._ask("GET", f"/alerts/{shown['id']}/history", timed="history")
            await asyncio.sleep(self._chance.uniform(0.0, 1.0))  # the person reads
            if full and full["status"] != "closed":
                await self._act(full)
            if self._chance.random() < 0.3:
                await self._queue("queue", "/alerts?status=open&sort=-priority&limit=50")

    async def _act(self, seen: dict[str, Any]) -> None:
        dice, note = self._chance.random(), ""
        if dice < 0.6:
            act, said, note = "note", "noted", uuid.UUID(int=self._chance.getrandbits(128)).hex
            body: dict[str, Any] = {"text": note}
        elif dice < 0.85:
            act, said, body = "claim", "claimed", {}
        else:
            act, said, note = "close", "closed", uuid.UUID(int=self._chance.getrandbits(128)).hex
            body = {"disposition": "true_positive", "note": note}
        told, revision = self._told, seen["revision"]
        status, _, data = await self._ask("POST", f"/alerts/{seen['id']}/{act}", body, timed="act", revision=revision)
        answer = json.loads(data)
        if status == 200:
            told.acts.append((self._name, seen["id"], said, revision, note))
            if answer["revision"] != revision + 1:
                told.wrong.append(f"{act} on {revision} gave {answer['revision']}")
        elif status == 412:
            told.stale.append((revision, answer["revision"]))
        else:
            told.refused[status] += 1
            if status != 409:
                told.wrong.append(f"{act}: {status} {data[:200]!r}")

    async def _queue(self, what: str, path: str) -> None:
        status, _, body = await self._ask("GET", path, timed=what)
        if status != 200:
            self._told.wrong.append(f"{what}: {status} {body[:200]!r}")
        elif what == "queue":
            self._held = json.loads(body)["items"]

    async def _alert(self, alert_id: str) -> dict[str, Any] | None:
        status, _, body = await self._ask("GET", f"/alerts/{alert_id}", timed="alert")
        if status != 200:
            self._told.wrong.append(f"alert: {status} {body[:200]!r}")
            return None
        found: dict[str, Any] = json.loads(body)
        return found

    async def _listen(self) -> None:
        while True:
            try:
                async for chunk in self._events():
                    self._heard(chunk)
            except (OSError, asyncio.IncompleteReadError):
                pass
            self._told.reconnects += 1
            await asyncio.sleep(3.0)  # what the server tells browsers to wait

    def _heard(self, chunk: bytes) -> None:
        told = self._told
        for part in chunk.split(b"\n\n"):
            if part.startswith(b"event: reload"):
                told.reloads += 1
                self._came = True
            elif part.startswith(b"event: alert"):
                told.events += 1
                self._came = True
                for line in part.split(b"\n"):
                    if line.startswith(b"id: "):
                        self._last_event = line[4:].decode()
                    elif line.startswith(b"data: "):
                        found = json.loads(line[6:])
                        if found["kind"] == "changed":
                            self._changed[found["id"]] = None

    async def _events(self) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            last = f"Last-Event-ID: {self._last_event}\r\n" if self._last_event else ""
            writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {self._cookie}\r\n"
                         f"{last}\r\n".encode())  # fmt: skip
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                self._told.wrong.append(f"stream: {head[:80]!r}")
                return
            left = b""
            while size := int(await reader.readline(), 16):
                left += await reader.readexactly(size)
                await reader.readexactly(2)
                whole, cut, left = left.rpartition(b"\n\n")
                if cut:
                    yield whole
        finally:
            writer.close()

    # --- the wire --------------------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, body: Any = None, *, timed: str = "",
                   revision: int | None = None) -> tuple[int, bytes, bytes]:  # fmt: skip
        lines = [f"{method} /api/v1{path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", "Accept-Language: vi"]
        if self._cookie:
            lines.append(f"Cookie: {self._cookie}")
        data = b""
        if method != "GET":
            data = json.dumps(body or {}).encode()
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}", f"X-CSRF-Token: {self._csrf}"]
        if revision is not None:
            lines.append(f'If-Match: "{revision}"')
        request = "\r\n".join([*lines, "\r\n"]).encode() + data
        begun = time.perf_counter()
        head, found = await self._answered(request, again=method == "GET")
        if timed:
            self._told.took_ms[timed].append((time.perf_counter() - begun) * 1000)
        return int(head[9:12]), head, found

    async def _answered(self, request: bytes, *, again: bool) -> tuple[bytes, bytes]:
        """As a browser: a kept connection that the server has let go meanwhile is not used, and when that is only seen
        after sending, and no byte came back, a GET (`again`) goes out once more. The time runs on."""
        while True:
            wire, kept = await self._wire()
            reader, writer = wire
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                writer.close()
                if kept and again and not getattr(error, "partial", b""):
                    self._told.resent += 1
                    continue
                raise
            low = head.lower()
            at = low.index(b"content-length:")
            found = await reader.readexactly(int(low[at + 15 : low.index(b"\r\n", at)]))
            if b"connection: close" in low:
                writer.close()
            else:
                self._wires.append(wire)
            return head, found

    async def _wire(self) -> tuple[_Wire, bool]:
        """A connection, and whether it has served before."""
        while self._wires:
            reader, writer = self._wires.pop()
            if not reader.at_eof() and not writer.is_closing():
                return (reader, writer), True
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port), False


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {f"p{p}": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 1) for p in (50, 95, 99)} | {
        "max": round(ordered[-1], 1), "n": len(values),
    }  # fmt: skip


def _feed(argv: Sequence[str] | None = None) -> None:
    """The child: posts hits at a rate, as the correlator does, and writes down what was stored."""
    parser = argparse.ArgumentParser()
    for name, kind in (("config", Path), ("into", Path), ("url", str), ("hits", int), ("rate", float),
                       ("fresh", float), ("first", int)):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, required=True)
    asked = parser.parse_args(argv)
    keys = asked.config.parent / "keys"
    tls = tls_context(keys / "ca.pem", keys / "correlator.pem", keys / "correlator.key")
    client = BulkClient(asked.url, tls)
    chance = random.Random(asked.first)
    known: list[int] = []
    by_rule: Counter[str] = Counter()
    stored, begun, number, late = 0, time.monotonic(), 0, 0.0
    while number < asked.hits:
        due = min(asked.hits, int((time.monotonic() - begun) * asked.rate) + 1) if asked.rate else number + 500
        batch: list[bytes] = []
        while number < min(due, asked.hits) and len(batch) < 500:
            number += 1
            if not known or chance.random() < asked.fresh:
                known.append(asked.first + number)
                about = known[-1]
            else:
                about = known[-chance.randint(1, min(len(known), 2_000))]
            rule = f"r-{about % 40}"
            by_rule[rule] += 1
            batch.append(encode(hit(
                asked.first + number, agency=AGENCY, rule=rule, level=LEVELS[about % 4], at=time.time(),
                source=f"10.{about >> 16 & 255}.{about >> 8 & 255}.{about & 255}",
            )))  # fmt: skip
        statuses = client.send(batch) if batch else []
        assert all(status.stored for status in statuses), statuses[:3]
        stored += len(statuses)
        if asked.rate:
            late = max(late, time.monotonic() - begun - number / asked.rate)
            time.sleep(TICK_S)
    seconds = time.monotonic() - begun
    client.close()
    found = {"stored": stored, "seconds": seconds, "late_s": round(late, 2), "alerts": len(known), "by_rule": by_rule,
             "cpu_s": time.process_time()}  # fmt: skip
    asked.into.write_text(json.dumps(found))


if __name__ == "__main__":
    _feed()
