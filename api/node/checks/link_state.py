"""LT-D0502: what the sending process and the delivery to the centre last met: contact, back-off, receipts."""

from __future__ import annotations

from collections.abc import Iterator

from api.federation.config import FederationTable
from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine, span

QUIET_S = 600.0


def look(machine: Machine) -> Iterator[Finding]:
    asked = False
    ship = machine.reports.get("ship", {})
    if machine.alive("ship"):
        asked = True
        contact, state = ship.get("contact_at"), str(ship.get("state", ""))
        tries = int(ship.get("tries") or 0)
        ago = span(machine.clock.now() - float(contact)) if contact else Words("chưa lần nào", "never")
        measured = {"state": state, "tries": tries, "contact_at": contact}
        if state == "connected" or (state == "starting" and not tries):
            yield ok(f"ship: đã kết nối, lần cuối {ago.vi}", f"ship: connected, last contact {ago.en}", **measured)
        elif state == "waiting for the byte budget":
            yield note("budget", "ship: chờ hạn mức dung lượng trong ngày", "ship: waits for its byte budget",
                       do("Nâng [ship] bytes_per_day hay bytes_per_second", "Raise [ship] bytes_per_day or "
                          "bytes_per_second"), **measured)  # fmt: skip
        else:
            yield bad("ship-waits", f"ship: {state} (lần thử {tries}, liên lạc cuối: {ago.vi})",
                      f"ship: {state} (try {tries}, last contact: {ago.en})",
                      run(machine.luytre("doctor --only LT-D0501")), **measured)  # fmt: skip
    if machine.table("federation", FederationTable).upstream and not machine.is_sensor:
        asked = True
        yield from _upstream(machine)
    if not asked:
        yield skipped("no-link", "không có gì để gửi", "nothing is sent")


def _upstream(machine: Machine) -> Iterator[Finding]:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with machine.database() as connection:
            link = connection.execute(
                text("SELECT last_contact_at, last_error, tries FROM uplink WHERE id = 1")
            ).first()
            waiting, receipt = connection.execute(
                text("SELECT count(CASE WHEN state IN ('waiting','sent') THEN 1 END), max(receipt_at) FROM outgoing")
            ).one()
    except (OSError, SQLAlchemyError):
        return  # LT-D0404 says so
    now = machine.clock.now()
    contact, error, tries = link or (None, None, 0)
    ago = span(now - contact) if contact else Words("chưa lần nào", "never")
    measured = {"contact_at": contact, "tries": tries, "waiting": waiting, "receipt_at": receipt}
    if error or contact is None or now - contact > QUIET_S:
        yield bad("upstream-waits", f"trung tâm: liên lạc cuối {ago.vi}, {waiting} mục chờ; {error or 'chưa có lỗi'}",
                  f"the centre: last contact {ago.en}, {waiting} items wait; {error or 'no error yet'}",
                  run(machine.luytre("doctor --only LT-D0501")), **measured)  # fmt: skip
    else:
        yield ok(f"trung tâm: liên lạc {ago.vi} trước, {waiting} mục chờ", f"the centre: contact {ago.en} ago, "
                 f"{waiting} items wait", **measured)  # fmt: skip


CHECK = Check(
    "LT-D0502", "link", Words("Trạng thái gửi", "Delivery"),
    Words("Lần liên lạc cuối, số lần thử hỏng liên tiếp, lý do, và giấy nhận cuối của trung tâm.",
          "The last contact, failed tries in a row, why, and the centre's last receipt."),
    look,
)  # fmt: skip
