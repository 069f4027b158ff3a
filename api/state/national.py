"""Tables of the national view: what each agency's node reports of itself. The organisation tree is in `people.Agency`
and its history in the tables that follow here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, String
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Reported(Base):
    """The newest report of an agency: its systems, services and sensors, in numbers and states, never in content."""

    __tablename__ = "reported"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    sender: Mapped[str] = mapped_column(String(256))  # the node's machine id, of its certificate
    at: Mapped[float] = mapped_column(Double)  # by the agency's clock
    received_at: Mapped[float] = mapped_column(Double)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
