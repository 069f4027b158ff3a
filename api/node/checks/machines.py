"""LT-D0804: the machines that should be sending to this node, and are not."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, skipped
from api.node.checks._machine import Machine, span

QUIET_S = 600.0
SHOWN = 20


def look(machine: Machine) -> Iterator[Finding]:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with machine.database() as connection:
            rows = connection.execute(
                text(
                    "SELECT m.id, m.last_seen_at, m.flagged, max(s.last_data_at) FROM machines m"
                    " LEFT JOIN machine_streams s ON s.machine_id = m.id"
                    " WHERE m.revoked_at IS NULL AND m.role IN ('sensor', 'node', 'shipper')"
                    " GROUP BY m.id, m.last_seen_at, m.flagged ORDER BY m.id"
                )
            ).all()
    except (OSError, SQLAlchemyError):
        yield skipped(
            "no-database", "không đọc được cơ sở dữ liệu (LT-D0404)", "the database cannot be read (LT-D0404)"
        )
        return
    now, quiet = machine.clock.now(), 0
    for name, seen, flagged, data in rows:
        last = max(float(seen or 0), float(data or 0))
        if flagged:
            yield note(
                "claims",
                f"{name} tự nhận là máy khác",
                f"{name} claims to be another machine",
                do(
                    "Xem màn hình Cảm biến; cấu hình [node] agency, observer của máy đó",
                    "See the sensors' screen; [node] agency, observer on that machine",
                ),
                machine=name,
            )
        if now - last > QUIET_S:
            quiet += 1
            if quiet > SHOWN:
                continue
            ago = span(now - last) if last else Words("chưa lần nào", "never")
            yield bad(
                "machine-silent",
                f"{name}: không gửi gì ({ago.vi})",
                f"{name}: sends nothing ({ago.en})",
                do("Trên máy đó: luytre doctor", "On that machine: luytre doctor"),
                machine=name,
                last_at=last or None,
            )
    if len(rows) > quiet:
        yield ok(
            f"{len(rows) - quiet} trong {len(rows)} máy đang gửi",
            f"{len(rows) - quiet} of {len(rows)} machines send",
            machines=len(rows),
            silent=quiet,
        )
    elif not rows:
        yield note(
            "no-machines",
            "chưa máy nào ghi danh",
            "no machine is enrolled yet",
            do(
                "luytre enrol token TÊN-MÁY, rồi chạy dòng nó in ra trên máy đó",
                "luytre enrol token NAME, then run the line it prints on that machine",
            ),
        )


CHECK = Check(
    "LT-D0804",
    "sources",
    Words("Máy ghi danh", "Enrolled machines"),
    Words(
        "Máy đã ghi danh mà hơn 10 phút không gửi gì, hoặc tự nhận là máy khác.",
        "Enrolled machines that sent nothing for ten minutes, or claim to be another.",
    ),
    look,
    where=frozenset(("node",)),
)
