"""What a backup must not bring back to life (S32 of the reliability study).

In:  the database of a backup, before anybody can reach it; the lines of `keys/revoked.log` since then, or None when
     nobody has them. Out: `Held`: who and what must be looked at by a person.
Always dead:   sessions, log-in links, half-made log-ins, enrolment tokens, tries: whatever was open when it was made.
Lines known:   what they name: machines stay revoked with their certificates and keys; people's API keys stay revoked;
               who was disabled stays disabled; whose password changed has none (a log-in link is the way in); who lost
               a role or whose second factors changed is disabled until somebody who may looks at the roles; who used a
               recovery code has none left.
Lines unknown: (the old disk is gone, nobody has the file) nobody can tell what was revoked since, so nothing that the
               backup trusts is trusted: no password, passkey, recovery code or key opens, who comes by a provider is
               disabled, and every other machine must be confirmed or enrolled anew. `luytre backup confirm` does that
               by name, or (machines) for all. An authenticator app stays: alone it opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect, text

from api.auth.revoked import Line

# Tables of what was open. One that this release does not have is passed over.
OPEN = ("login_session", "login_link", "login_try", "login_half", "used_once", "enrolment_tokens")
PROOFS = ("passkey", "recovery_code")  # besides a password: gone when nobody knows who still has them
_WHY = {"user.disable": "disabled", "user.password": "password", "factor.use": "codes"}
REASON = "bản sao lưu / backup"  # how `confirm` knows whom a restore has held


@dataclass(slots=True)
class Held:
    sessions: int = 0
    machines: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    unknown: bool = False


def lay_to_rest(db: Connection, lines: Iterable[Line] | None, own: str, now: float) -> Held:
    """`own`: this node's observer name; its own programs get new certificates by themselves."""
    held = Held(unknown=lines is None)
    tables = set(inspect(db).get_table_names())
    for table in OPEN:
        if table in tables:
            gone = db.execute(text(f"DELETE FROM {table}")).rowcount  # noqa: S608  # names of this module
            held.sessions += gone if table == "login_session" else 0
    if lines is None:
        _trust_nothing(db, tables, own, now, held)
    else:
        _apply(db, tables, list(lines), now, held)
    return held


def _apply(db: Connection, tables: set[str], lines: list[Line], now: float, held: Held) -> None:
    users: dict[str, set[str]] = {}
    machines: dict[str, None] = {}
    for line in lines:
        kind, _, number = line.object.partition(":")
        if kind == "user" and number.isdecimal():
            why = users.setdefault(number, set())
            if line.act == "user.enable":
                why.discard("disabled")
            else:
                why.add(_WHY.get(line.act, "rights"))
        elif kind == "key" and number.isdecimal():
            if line.act != "key.add":
                _end_keys(db, tables, "id", int(number), now)
        elif line.act.startswith(("machine.", "sensor.", "agent.")):
            machines[line.object] = None
    for machine in machines:
        if _revoke(db, tables, machine, now):
            held.machines.append(machine)
    for number, why in users.items():
        name = db.execute(text("SELECT username FROM user_account WHERE id = :id"), {"id": int(number)}).scalar()
        if name is None or not why:
            continue
        if why & {"disabled", "rights"}:
            db.execute(text("UPDATE user_account SET disabled = :yes, revision = revision + 1 WHERE id = :id"),
                       {"yes": True, "id": int(number)})  # fmt: skip
            held.disabled.append(name)
        if "password" in why:
            db.execute(text("UPDATE user_account SET password = NULL, revision = revision + 1 WHERE id = :id"),
                       {"id": int(number)})  # fmt: skip
            held.passwords.append(name)
        if "codes" in why:
            db.execute(text("DELETE FROM recovery_code WHERE user_id = :id"), {"id": int(number)})
        if why - {"codes"}:
            _end_keys(db, tables, "user_id", int(number), now)


def _trust_nothing(db: Connection, tables: set[str], own: str, now: float, held: Held) -> None:
    held.passwords = list(db.execute(text(
        "SELECT username FROM user_account WHERE password IS NOT NULL ORDER BY username")).scalars())  # fmt: skip
    db.execute(text("UPDATE user_account SET password = NULL, revision = revision + 1"))
    for table in PROOFS:
        if table in tables:
            db.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # names of this module
    if "outside_identity" in tables:  # a provider's log-in asks for nothing that is kept here
        theirs = "WHERE disabled = :no AND id IN (SELECT user_id FROM outside_identity)"
        held.disabled = list(db.execute(
            text(f"SELECT username FROM user_account {theirs} ORDER BY username"), {"no": False}).scalars())  # noqa: S608  # fmt: skip
        db.execute(text(f"UPDATE user_account SET disabled = :yes {theirs}"), {"yes": True, "no": False})  # noqa: S608
    _end_keys(db, tables, "", 0, now)
    others = db.execute(text(
        "SELECT id FROM machines WHERE revoked_at IS NULL AND role <> 'correlator' "
        "AND NOT (role = 'sensor' AND name = :own) ORDER BY id"), {"own": own}).scalars()  # fmt: skip
    for machine in list(others):
        # Only the machine's row: its certificates stand, so that `confirm` is one act and no new enrolment.
        db.execute(text("UPDATE machines SET revoked_at = :now, revoked_reason = :why WHERE id = :id"),
                   {"now": now, "why": REASON, "id": machine})  # fmt: skip
        held.machines.append(machine)


def _revoke(db: Connection, tables: set[str], machine: str, now: float) -> bool:
    """As api/auth/machines.py does it: the machine, its certificates and its keys."""
    found = db.execute(text("SELECT 1 FROM machines WHERE id = :id"), {"id": machine}).scalar()
    if not found:
        return False
    told = {"now": now, "id": machine, "why": "đã thu hồi sau bản sao lưu / revoked after the backup"}
    db.execute(text("UPDATE machines SET revoked_at = COALESCE(revoked_at, :now), "
                    "revoked_reason = COALESCE(revoked_reason, :why) WHERE id = :id"), told)  # fmt: skip
    for table in ("certificates", "api_keys"):
        if table in tables:
            db.execute(text(f"UPDATE {table} SET revoked_at = :now WHERE machine_id = :id AND revoked_at IS NULL"),  # noqa: S608
                       {"now": now, "id": machine})  # fmt: skip
    return True


def _end_keys(db: Connection, tables: set[str], column: str, value: int, now: float) -> None:
    """People's API keys: those of which `column` is `value`, or (no column) all."""
    if "api_key" in tables:
        which = f" AND {column} = :value" if column else ""
        db.execute(text(f"UPDATE api_key SET revoked_at = :now WHERE revoked_at IS NULL{which}"),  # noqa: S608
                   {"now": now, "value": value} if column else {"now": now})  # fmt: skip
