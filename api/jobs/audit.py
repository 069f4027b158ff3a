"""The audit's chain is verified as it grows, and all of it once a day; a break is told (api/notices) and logged."""

from __future__ import annotations

from api.jobs import Job
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.people import AuditMark

AT_ONCE = 1_000  # entries a transaction: nobody waits long for the write lock
A_RUN = 100_000
WHOLE_S = 24 * 3600.0


def run(node: Runtime) -> str:
    now = node.clock.now()
    with node.db.read() as session:
        mark = session.get(AuditMark, 1)
        anew = mark is not None and now - mark.whole_at >= WHOLE_S
    for _ in range(A_RUN // AT_ONCE):
        with node.db.write() as session:
            done = node.audit.advance(session, AT_ONCE, anew=anew)
            anew = False
            mark = session.get_one(AuditMark, 1)
            if mark.problem is not None:
                tell(
                    session, key=f"audit:{mark.seq}:{mark.hash[:16]}", kind="system", agency=node.node.agency,
                    ref="audit", level="critical", now=now, link="#/audit",
                    title={"vi": "Chuỗi nhật ký kiểm toán không còn nguyên vẹn",
                           "en": "The audit's chain is no longer whole"},
                )  # fmt: skip
                node.log.error("the audit's chain is broken", problem=mark.problem)
        if done:
            break
    return (mark.problem if mark else None) or ""


JOB = Job(every_s=60, run=run)
