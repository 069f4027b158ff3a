"""Reporting upwards: this node's own agencies, and what those below it have said, every `[federation] report_s`.

In:  the Runtime. Out: reports at the node above; `Told` says per agency what it holds and why the last one failed.
The link's state is respected: while delivery backs off (deliver.py), nothing is reported; a report that fails waits for
the next time with jitter, and the ones behind it are still tried unless the line itself is dead.
Bound: `report_bytes_per_hour`: own agencies always go, those passed on wait for the next hour; A_RUN reports a run.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from api.auth.ca import name_in
from api.federation import answers, relay, report, report_facts
from api.federation.config import settings
from api.federation.deliver import LONGEST_WAIT_S, Connect, Line
from api.federation.signing import sign
from api.runtime import Runtime
from api.state.federation import Link
from api.state.national import Reported, SelfTest, Told
from sensors.errors import LuytreError
from sensors.wire import Answer, Busy, Wire, refusal, tls_context

A_RUN = 500
TIMEOUT_S = 30.0
ANSWER_LIMIT_BYTES = 64 * 1024
HOUR_S = 3600.0
VIA = 8
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report to make: its parts, and of one that is passed on, what goes with it."""

    agency: str
    at: float
    parts: dict[str, Any]
    more: dict[str, Any]
    heard_at: float = 0.0


class Reporting:
    def __init__(self, node: Runtime, chance: random.Random | None = None, connect: Connect | None = None) -> None:
        self._node, self._chance = node, chance or random.Random()  # noqa: S311  (jitter)
        self._table = settings(node.config)
        self._keys = node.data / "keys"
        self._connect = connect or self._over_tls
        self._due = 0.0
        self._spent = 0
        self._hour = 0.0

    def run(self) -> str:
        """Report what is due; a few words on what was done."""
        clock = self._node.clock
        if not self._table.upstream or not (self._keys / "node.pem").exists() or clock.monotonic() < self._due:
            return ""
        if self._link_waits():
            return ""
        # Jitter of a tenth: a thousand agencies that lost power together don't report together.
        self._due = clock.monotonic() + self._table.report_s * (0.95 + self._chance.random() / 10)
        if clock.monotonic() - self._hour >= HOUR_S:
            self._hour, self._spent = clock.monotonic(), 0
        own, below = self._own(), self._below()
        line = self._connect()
        sent = failed = 0
        try:
            for wanted, passed_on in [(one, False) for one in own] + [(one, True) for one in below]:
                if passed_on and self._spent >= self._table.report_bytes_per_hour:
                    break
                try:
                    self._report(line, wanted)
                    sent += 1
                except (LuytreError, OSError, ValueError) as error:
                    failed += 1
                    self._failed(wanted.agency, error)
                    if isinstance(error, OSError | Busy):
                        break
        finally:
            line.close()
        return f"{sent} reported" + (f", {failed} failed" if failed else "")

    def _own(self) -> list[Wanted]:
        node, found = self._node, []
        with node.db.read() as session:
            for agency in report_facts.agencies_here(node, session):
                parts, failed = report_facts.parts_of(node, session, agency)
                if failed:
                    node.log.warning("a report goes without parts that could not be made", parts=failed)
                found.append(Wanted(agency, node.clock.now(), parts, {"exercise": node.node.exercise}))
        return found

    def _below(self) -> list[Wanted]:
        """What nodes below have said since it was last passed on, the longest waiting first."""
        node, now = self._node, self._node.clock.now()
        with node.db.read() as session:
            told = {row.agency: row.heard_at for row in session.scalars(select(Told))}
            tests = {row.agency: row.received_at for row in session.scalars(select(SelfTest))}
            own = set(report_facts.agencies_here(node, session))
            rows = session.scalars(select(Reported).order_by(Reported.received_at).limit(10 * A_RUN)).all()
        found = []
        for row in rows:
            via = [*row.body.get("via", []), node.node.agency]
            if row.agency in own or row.received_at <= told.get(row.agency, 0.0) or len(via) > VIA:
                continue
            age_s = float(row.body.get("age_s") or 0.0) + max(0.0, now - row.received_at)
            tested = [row.body["selftest_age_s"]] if "selftest_age_s" in row.body else []
            tested += [now - tests[row.agency]] if row.agency in tests else []
            more = {"via": via, "age_s": round(max(age_s, 0.1), 1), "exercise": row.body.get("exercise", False)}
            if tested:
                more["selftest_age_s"] = round(max(min(tested), 0.1), 1)
            found.append(Wanted(row.agency, row.at, row.body.get("parts", {}), more, row.received_at))
        return found[:A_RUN]

    def _report(self, line: Line, wanted: Wanted) -> None:
        """One report; a second time, whole, when the centre does not hold what was left out."""
        with self._node.db.read() as session:
            before = session.get(Told, wanted.agency)
            known, number = (dict(before.marks), before.number) if before is not None else ({}, 0)
        number = max(number + 1, int(self._node.clock.now() * 1000))
        answer = self._post(line, wanted, number, known)
        if answer.status == 409:
            number += 1
            answer = self._post(line, wanted, number, {})
        if answer.status == 422:
            said = answers.of_item(answer)
            assert isinstance(said, answers.Refused)
            raise ValueError(said.reason["vi" if self._node.node.language == "vi" else "en"])
        if answer.status != 200:
            raise refusal(answer)
        with self._node.db.write() as session:
            row = session.get(Told, wanted.agency) or Told(agency=wanted.agency, tries=0)
            row.number, row.at, row.marks = number, self._node.clock.now(), report.marks(wanted.parts)
            row.heard_at, row.error, row.tries = wanted.heard_at, None, 0
            session.add(row)
            if before is None or not before.number:
                session.flush()
                relay.catch_up(self._node, session, wanted.agency)

    def _post(self, line: Line, wanted: Wanted, number: int, known: dict[str, str]) -> Answer:
        made = report.build(wanted.agency, number, wanted.at, wanted.parts, known, **wanted.more)
        wrong = report.wrong_with(made)
        if wrong:
            raise ValueError(f"this report is none: {wrong}")
        text = report.canonical(made)
        certificate = x509.load_pem_x509_certificate((self._keys / "node.pem").read_bytes())
        name = name_in(certificate)
        if name is None:
            raise ValueError("keys/node.pem names no node")
        signature = sign(text, number, name.id, self._keys / "node.key", certificate.public_bytes(Encoding.DER))
        body = msgspec.json.encode({"report": text, "signature": signature})
        self._spent += len(body)
        return line.ask("POST", "/federation/v1/reports", body, _JSON, ANSWER_LIMIT_BYTES)

    def _failed(self, agency: str, error: Exception) -> None:
        vi = self._node.node.language == "vi"
        said = (error.problems[0].vi if vi else error.problems[0].en) if isinstance(error, LuytreError) else str(error)
        with self._node.db.write() as session:
            row = session.get(Told, agency) or Told(agency=agency, number=0, at=0.0, marks={}, heard_at=0.0, tries=0)
            row.error, row.tries = said[:500], min(row.tries + 1, 1000)
            session.add(row)

    def _link_waits(self) -> bool:
        with self._node.db.read() as session:
            link = session.get(Link, 1)
            left = link.next_try_at - self._node.clock.now() if link is not None else 0.0
        return 0 < left <= LONGEST_WAIT_S

    def _over_tls(self) -> Line:
        tls = tls_context(self._keys / "upstream-ca.pem", self._keys / "node.pem", self._keys / "node.key")
        return Wire(self._table.upstream, tls, timeout_s=TIMEOUT_S)
