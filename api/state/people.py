"""Tables of people: agencies (a tree), users, grants, sessions, one-time links, and tries to log in.

Secrets are stored as hashes: passwords by argon2id, session ids and link tokens by SHA-256 (they are 256 random bits,
so a slow hash would add nothing). Times are epoch seconds.
"""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.state.base import Base


class Agency(Base):
    """An agency that this node knows: its own, those it serves, at the centre every one below it."""

    __tablename__ = "agency"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(256), default="")
    parent: Mapped[str | None] = mapped_column(ForeignKey("agency.code"))
    created_at: Mapped[float] = mapped_column(Double)


class User(Base):
    __tablename__ = "user_account"  # "user" is a reserved word in PostgreSQL
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(128), unique=True)  # NFC, case-folded: "Lan" and "lan" are one person
    name: Mapped[str] = mapped_column(String(256), default="")
    language: Mapped[str] = mapped_column(String(8), default="vi")
    password: Mapped[str | None] = mapped_column(String(512))  # None: only a link or another sign-in lets them in
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float] = mapped_column(Double)
    password_at: Mapped[float | None] = mapped_column(Double)
    revision: Mapped[int] = mapped_column(default=1)
    grants: Mapped[list[Grant]] = relationship(back_populates="user", cascade="all, delete-orphan")


class Grant(Base):
    """A role (api/permissions.py) in an agency and everything below it; agency None: everywhere on this node."""

    __tablename__ = "role_grant"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    agency: Mapped[str | None] = mapped_column(String(64))
    user: Mapped[User] = relationship(back_populates="grants")


class LoginSession(Base):
    __tablename__ = "login_session"
    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double)
    ends_at: Mapped[float] = mapped_column(Double, index=True)  # absolute limit, whatever the activity
    address: Mapped[str] = mapped_column(String(64), default="")


class LoginLink(Base):
    __tablename__ = "login_link"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    ends_at: Mapped[float] = mapped_column(Double, index=True)
    used_at: Mapped[float | None] = mapped_column(Double)


class LoginTry(Base):
    """Tries in the current window under one key: (account, address), address, or account. Counted before the password
    is looked at, so that parallel tries cannot slip past the limit."""

    __tablename__ = "login_try"
    key: Mapped[str] = mapped_column(String(320), primary_key=True)
    tries: Mapped[int] = mapped_column(default=0)
    window_ends_at: Mapped[float] = mapped_column(Double)
    __table_args__ = (Index(None, "window_ends_at"),)
