"""Tables of the inventory: the information systems of an agency, the machines that carry them, and by which addresses
and names they were known, when.

An address belongs to one asset at a time: `since` ≤ t < `until` (None: still), so that an event of last month is told
of the machine that had the address then. A system's own names (domains, URLs' hosts) are rows without an asset.
Nothing is deleted: `retired_at` ends a row, alerts and incidents go on pointing at it. Times are epoch seconds.
"""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, validates

from api.organisation.order import STORED, stored_key
from api.state.base import Base


class System(Base):
    __tablename__ = "system"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # HT-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(256))
    name_key: Mapped[str] = mapped_column(String(STORED), default="", server_default="")  # Vietnamese order
    kind: Mapped[str] = mapped_column(String(32))  # api/inventory/kinds.py
    grade: Mapped[int | None]  # 1 to 5 (legal-vietnam); None: not graded yet
    owner: Mapped[str] = mapped_column(String(256), default="")  # the unit that answers for it
    contact: Mapped[str] = mapped_column(String(256), default="")  # round the clock, for the on-call
    provider: Mapped[str] = mapped_column(String(256), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    secret: Mapped[bool] = mapped_column(default=False)  # marked state-secret: never federated, never mailed
    created_at: Mapped[float] = mapped_column(Double)
    retired_at: Mapped[float | None] = mapped_column(Double)
    search_text: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "retired_at"),)

    @validates("name")
    def _name(self, _: str, value: str) -> str:
        self.name_key = stored_key(value)
        return value


class Asset(Base):
    __tablename__ = "asset"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # TS-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    system_id: Mapped[str | None] = mapped_column(ForeignKey("system.id"), index=True)
    host: Mapped[str] = mapped_column(String(256))
    host_key: Mapped[str] = mapped_column(String(STORED), default="", server_default="")
    kind: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(256), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float] = mapped_column(Double)
    retired_at: Mapped[float | None] = mapped_column(Double)
    search_text: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "retired_at"),)

    @validates("host")
    def _host(self, _: str, value: str) -> str:
        self.host_key = stored_key(value)
        return value


class Address(Base):
    __tablename__ = "address"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64))
    asset_id: Mapped[str | None] = mapped_column(ForeignKey("asset.id"), index=True)
    system_id: Mapped[str | None] = mapped_column(ForeignKey("system.id"), index=True)  # a name of the system itself
    kind: Mapped[str] = mapped_column(String(16))  # ip | network | name
    value: Mapped[str] = mapped_column(String(256))  # canonical: compressed address, CIDR, lower-case A-label
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)
    __table_args__ = (Index(None, "agency", "kind", "value", "since"),)
