"""Tables of what is derived from the inventory: when data last named an asset or a system, and how far the open cases
have been named again since the inventory changed. All of it can be made anew; times are epoch seconds.
"""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class AssetSeen(Base):
    """The newest event that named one of the asset's addresses while it had it."""

    __tablename__ = "asset_seen"
    asset_id: Mapped[str] = mapped_column(ForeignKey("asset.id"), primary_key=True)
    last_data_at: Mapped[float] = mapped_column(Double)


class SystemSeen(Base):
    """The newest event that named an asset or a name of the system; none in the last day: not sensed."""

    __tablename__ = "system_seen"
    system_id: Mapped[str] = mapped_column(ForeignKey("system.id"), primary_key=True)
    last_data_at: Mapped[float] = mapped_column(Double)


class Naming(Base):
    """An agency's inventory as a counter: `revision` moves with each change, `named` follows when every open alert and
    incident has been looked at again; `cursor` is the last alert looked at on the way."""

    __tablename__ = "inventory_naming"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)
    named: Mapped[int] = mapped_column(default=0)
    doing: Mapped[int] = mapped_column(default=0)  # the revision that the walk in progress began with
    cursor: Mapped[str] = mapped_column(String(24), default="")
