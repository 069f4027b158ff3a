"""Tables of people: agencies (a tree), users, grants, sessions, links, second factors, keys, and tries to log in.

Secrets are stored as hashes: passwords by argon2id, session ids, link tokens, API keys and recovery codes by SHA-256
(they are 80 to 256 random bits, so a slow hash would add nothing). A TOTP secret must be read again: it is encrypted
under `keys/people.key`, so the database alone lets nobody in. Times are epoch seconds.
"""

from __future__ import annotations

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text, UniqueConstraint, false
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
    home: Mapped[str | None] = mapped_column(String(64))  # the agency whose managers look after the account
    seen_at: Mapped[float | None] = mapped_column(Double)  # last request of any session or key, to the minute
    grants: Mapped[list[Grant]] = relationship(back_populates="user", cascade="all, delete-orphan")


class Grant(Base):
    """A role (api/permissions.py) in an agency and everything below it; agency None: everywhere on this node."""

    __tablename__ = "role_grant"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    agency: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[float | None] = mapped_column(Double)  # from then on it is nothing, whether a job removes it or not
    given_at: Mapped[float | None] = mapped_column(Double)
    given_by: Mapped[str | None] = mapped_column(String(256))
    user: Mapped[User] = relationship(back_populates="grants")


class LoginSession(Base):
    __tablename__ = "login_session"
    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double)
    ends_at: Mapped[float] = mapped_column(Double, index=True)  # absolute limit, whatever the activity
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(64), default="", server_default="")  # "Firefox · Windows", no more
    way: Mapped[str] = mapped_column(String(16), default="", server_default="")  # password | link | passkey | oidc …
    strong: Mapped[bool] = mapped_column(default=False, server_default=false())  # a second factor was shown at log-in
    confirmed_at: Mapped[float | None] = mapped_column(Double)  # "it is you": acts of power need a recent one


class KnownPlace(Base):
    """From where a person has logged in: no more than the network's prefix and the browser's name."""

    __tablename__ = "known_place"
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    network: Mapped[str] = mapped_column(String(64), primary_key=True)  # "203.0.113.0/24"
    browser: Mapped[str] = mapped_column(String(64), primary_key=True)  # "Firefox · Windows"
    seen_at: Mapped[float] = mapped_column(Double, index=True)


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
    next_at: Mapped[float | None] = mapped_column(Double)  # a key that slows down: no try before then


class Totp(Base):
    """A person's authenticator app. Unconfirmed until a first right code."""

    __tablename__ = "totp"
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(256))  # sealed (api/auth/seal.py)
    created_at: Mapped[float] = mapped_column(Double)
    confirmed_at: Mapped[float | None] = mapped_column(Double)
    last_step: Mapped[int] = mapped_column(default=0)  # a step counts once: what was typed cannot be typed again
    used_at: Mapped[float | None] = mapped_column(Double)


class RecoveryCode(Base):
    __tablename__ = "recovery_code"
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Double)


class Passkey(Base):
    __tablename__ = "passkey"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)  # base64url; WebAuthn: at most 1,023 bytes
    public_key: Mapped[str] = mapped_column(Text)  # base64url of the COSE key
    sign_count: Mapped[int] = mapped_column(default=0)
    transports: Mapped[list[str]] = mapped_column(JSON)
    name: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(Double)
    used_at: Mapped[float | None] = mapped_column(Double)


class ApiKey(Base):
    """Fewer rights than its owner's, for a program: the permissions and agencies named here, as far as the owner still
    has them."""

    __tablename__ = "api_key"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    permissions: Mapped[list[str]] = mapped_column(JSON)
    agencies: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # None: wherever the owner may
    created_at: Mapped[float] = mapped_column(Double)
    ends_at: Mapped[float] = mapped_column(Double)
    used_at: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str] = mapped_column(String(64), default="")  # of its last use
    revoked_at: Mapped[float | None] = mapped_column(Double)


class UsedOnce(Base):
    """What may not be shown twice (a passkey's challenge that was answered), until it would have ended anyway."""

    __tablename__ = "used_once"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    ends_at: Mapped[float] = mapped_column(Double, index=True)


class Outside(Base):
    """A person as an OpenID provider knows them: (provider, subject) is one account here."""

    __tablename__ = "outside_identity"
    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(256))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Double)
    __table_args__ = (UniqueConstraint("provider", "subject"),)


class AuditMark(Base):
    """How far the audit's chain has been verified, so that a look at it need not walk it from the start."""

    __tablename__ = "audit_mark"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Double)
    whole_at: Mapped[float] = mapped_column(Double)  # when all of it was walked last
    problem: Mapped[str | None] = mapped_column(Text)
