"""Tables of notices. `Matter` is what has happened that somebody may have to be told of: a row written in the
transaction of the thing itself (`api.notices.tell`), so that nothing is told that did not happen, nor forgotten.
Who is told, how and when is decided later, from the routes and the roster.
"""

from __future__ import annotations

from sqlalchemy import JSON, Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Matter(Base):
    __tablename__ = "notice_matter"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)  # what makes it the same matter when it is told again
    at: Mapped[float] = mapped_column(Double)
    kind: Mapped[str] = mapped_column(
        String(16)
    )  # alert | incident | clock | service | sensor | system | national | test
    agency: Mapped[str] = mapped_column(String(64))
    ref: Mapped[str] = mapped_column(String(128))  # SC-…, CB-…, a machine's id …
    level: Mapped[str] = mapped_column(String(16))  # as of alerts
    grade: Mapped[int | None]  # of the system it concerns
    title: Mapped[dict[str, str]] = mapped_column(JSON)  # {vi, en}
    link: Mapped[str] = mapped_column(String(256))  # where to read on: "#/incidents/SC-2026-000001"
    marked: Mapped[bool] = mapped_column(default=False)  # state-secret: the link only, not even the title
    over: Mapped[bool] = mapped_column(default=False)  # good news (resolved): never wakes anybody
    to_user: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id")
    )  # assigned to this person; None: by route
    routed_at: Mapped[float | None] = mapped_column(Double, index=True)
    __table_args__ = (Index(None, "agency", "at"),)
