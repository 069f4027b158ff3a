"""The centre's door for reports: signed, of the sender's agency or one below it, in the form of report.json.

In:  the sender (its certificate's name and DER), the report's text, its signature. Out: (status, answer):
     200 {at, by}; 409 {need: [names]} when a part that was left out is not held here; 422 {refused: {vi, en}} with the
     place in the report; 400 when it is not signed as it must be.
The newest one is kept whole (`Reported`), a line of numbers per day (`ReportDay`), and the judgement of it.
A report that is sent again changes nothing but the time it was heard.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth.ca import Name
from api.federation import coverage, report, tree
from api.federation.signing import verify
from api.organisation.register import today
from api.runtime import Runtime
from api.state.national import Reported, SelfTest
from api.state.people import Agency
from sensors.clock import parse_rfc3339, rfc3339

Answered = tuple[int, dict[str, Any]]
NUMBERS = 2**53 - 1
REFUSED_EVERY_S = 3600.0  # a sender gone mad is on record once an hour
SENDERS = 10_000


class Reports:
    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._told: dict[str, float] = {}

    def accept(self, sender: Name, certificate: bytes, text: str, signature: str) -> Answered:
        found = report.parsed(text)
        number = found.get("number") if isinstance(found, dict) else None
        if type(number) is not int or not 1 <= number <= NUMBERS:
            return 400, {"error": "not a report in canonical form with a number"}
        if not verify(signature, text, number, sender.id, certificate):
            return 400, {"error": "the signature does not fit the report, its number and its sender"}
        wrong = report.wrong_with(found)
        with self._node.db.write() as session:
            if wrong:
                return self._refuse(
                    session, sender, f"không đúng khuôn dạng: {wrong}", f"not according to the schema: {wrong}"
                )
            parents = {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416
            if not tree.within(parents, sender.agency, found["agency"]):
                return self._refuse(session, sender, f"chứng thư thuộc {sender.agency}, không phải {found['agency']}",
                                    f"the certificate is of {sender.agency}, not of {found['agency']}")  # fmt: skip
            if found["agency"] == self._node.node.agency:
                return self._refuse(
                    session, sender, "không ai báo cáo thay trung tâm này", "nobody reports for this centre"
                )
            return self._keep(session, sender, found)

    def _keep(self, session: Session, sender: Name, found: dict[str, Any]) -> Answered:
        node, now, agency = self._node, self._node.clock.now(), found["agency"]
        row = session.get(Reported, agency)
        held: dict[str, Any] = row.body.get("parts", {}) if row is not None else {}
        same = {
            name: held[name] for name, own in found["same"].items() if name in held and report.mark(held[name]) == own
        }
        if need := sorted(found["same"].keys() - same.keys()):
            return 409, {"need": need}
        parts = {**same, **found["parts"]}
        body = {key: found[key] for key in ("number", "exercise", "via", "age_s", "selftest_age_s") if key in found}
        if row is None:
            row = Reported(agency=agency, body={}, at=now, received_at=now, sender=sender.id)
            session.add(row)
        row.sender, row.received_at, row.at = sender.id, now, parse_rfc3339(found["at"]) or now
        row.body = body | {"parts": parts}
        if "tree" in found["parts"]:
            _, refused = tree.take_in(session, agency, found["parts"]["tree"], now)
            if refused:
                self._on_record(session, sender, "report.tree", {"agency": agency, "refused": refused[:20]})
        session.flush()
        name = self._named(session, agency, parts)
        judged = coverage.judge(row, session.get(SelfTest, agency), now)
        coverage.note(session, agency, judged, now, node.bell, name)
        coverage.note_day(session, agency, today(now), judged.state, parts)
        return 200, {"at": rfc3339(now), "by": node.node.name or node.node.agency}

    def _named(self, session: Session, agency: str, parts: dict[str, Any]) -> str:
        """The agency's name; the one that its node gives is taken when nobody here has given one."""
        row = session.get(Agency, agency)
        said = str((parts.get("node") or {}).get("name") or "")
        if row is not None and said and row.name in ("", row.code):
            row.name = said
        return row.name if row is not None else agency

    def _refuse(self, session: Session, sender: Name, vi: str, en: str) -> Answered:
        self._on_record(session, sender, "report.refused", {"reason": en[:300]})
        return 422, {"refused": {"vi": vi, "en": en}}

    def _on_record(self, session: Session, sender: Name, act: str, detail: dict[str, Any]) -> None:
        now = self._node.clock.monotonic()
        if now - self._told.get(sender.id, -REFUSED_EVERY_S) < REFUSED_EVERY_S:
            return
        if len(self._told) >= SENDERS:
            self._told.clear()
        self._told[sender.id] = now
        self._node.audit.record(session, Actor(f"machine:{sender.id}", sender.name), act, sender.id,
                                agency=sender.agency, outcome="refused", detail=detail)  # fmt: skip
