"""Six agencies whose tree changes, each with one of everything and a token of its own; a person with any grants; and
the slow twin of the scope: a person sees an agency when one of their living grants has the right, there or above it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import httpx
from sqlalchemy import delete, select

from api.auth import keys, sessions
from api.auth.allow import cookie_name
from api.auth.keys import Rates
from api.permissions import BOUNDED_ROLES, NEVER_BY_KEY, PERMISSIONS, ROLES
from api.state.base import Base
from api.state.people import Agency, ApiKey, Grant
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest
from tests.servers.two_agencies import Said, World

CODES = (MINE, OTHER, "xa-ba", "xa-tu", "xa-nam", "xa-sau")
TOKENS = {code: f"q{number}zw{number}kx" for number, code in enumerate(CODES)}
SAID = {
    code: Said(f"bí mật {token}", f"lời {token}", f"Dò quét {token}", f"198.51.100.{70 + number}", f"cb-{token}")
    for number, (code, token) in enumerate(TOKENS.items())
}
# What a request writes down about itself, whoever asks.
OF_THE_ASKING = frozenset(("audit_entry", "audit_mark", "login_session", "login_try", "job_run"))


@dataclass(frozen=True)
class Held:
    role: str
    agency: str | None
    ends_in: float | None


@dataclass(frozen=True)
class Part:
    """What an API key carries of its owner."""

    permissions: frozenset[str]
    agencies: tuple[str, ...] | None


class Nation:
    def __init__(self, node: NodeUnderTest) -> None:
        from api.auth import users

        self.node = node
        with node.runtime.db.write() as session:
            for code in CODES[2:]:
                users.ensure_agency(session, code, f"Xã {TOKENS[code]}", node.clock.now())
            for code in (MINE, OTHER):
                session.get_one(Agency, code).name = f"Sở {TOKENS[code]}"
        self.world = World(node, SAID)
        everywhere = [(role, None) for role in ROLES if role not in BOUNDED_ROLES]
        node.app.state.key_rates = Rates(limit=10**9)  # a walk asks more in a minute than any program should
        self.boss = Browser(node).link(node.add_user("all", *everywhere))
        self._person = node.add_user("person")
        self.first = node.runtime.clock.now()

    def close(self) -> None:
        self.boss.close()

    def arrange(self, parents: Mapping[str, str | None], held: Iterable[Held]) -> None:
        """The tree and the person's grants, from now on."""
        now = self.node.clock.now()
        with self.node.runtime.db.write() as session:
            for code, parent in parents.items():
                session.get_one(Agency, code).parent = parent
            session.execute(delete(Grant).where(Grant.user_id == self._person))
            # One's own keys name the agencies that they were made for, also when those were withdrawn since.
            session.execute(delete(ApiKey).where(ApiKey.user_id == self._person))
            for one in held:
                session.add(Grant(user_id=self._person, role=one.role, agency=one.agency,
                                  until=None if one.ends_in is None else now + one.ends_in))  # fmt: skip

    def withdraw(self) -> None:
        self.arrange({}, ())

    def browser(self, part: Part | None) -> Browser:
        """The person in a session, or a program with one of their keys."""
        runtime, now = self.node.runtime, self.node.clock.now()
        made = Browser(self.node)
        with runtime.db.write() as session:
            if part is None:
                token = sessions.start(session, self._person, now, runtime.limits)
                made.http.cookies.set(cookie_name(runtime), token)
                made.csrf = sessions.csrf_of(token)
            else:
                _, token = keys.make(session, self._person, "k", part.permissions, part.agencies, now + 86_400, now)
                made.http.headers["Authorization"] = f"Bearer {token}"
        return made

    def agencies(self) -> dict[str, str | None]:
        with self.node.runtime.db.read() as session:
            return {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table but those that note who asked."""
        found = {}
        with self.node.runtime.db.read() as session:
            for table in Base.metadata.sorted_tables:
                if table.name not in OF_THE_ASKING:
                    own = ("seen_at", "used_at", *(("address",) if table.name == "api_key" else ()))
                    columns = [column for column in table.columns if column.name not in own]
                    found[table.name] = sorted(map(repr, session.execute(select(*columns)).all()))
        return found


def line(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """The agency and all above it."""
    found: list[str] = []
    here: str | None = code
    while here is not None and here not in found:
        found.append(here)
        here = parents.get(here)
    return found


class Twin:
    """The scope, said slowly: one agency, one right, one grant at a time."""

    def __init__(self, parents: Mapping[str, str | None], held: Iterable[Held], part: Part | None) -> None:
        self.parents, self.part = dict(parents), part
        self.living = [one for one in held if (one.ends_in is None and one.role not in BOUNDED_ROLES)
                       or (one.ends_in is not None and one.ends_in > 0)]  # fmt: skip

    def _carried(self, permission: str) -> list[Held]:
        if self.part is not None and (permission in NEVER_BY_KEY or permission not in self.part.permissions):
            return []
        return [one for one in self.living if permission in ROLES[one.role]]

    def may(self, permission: str) -> bool:
        return any(self.everywhere(permission) or self.sees(permission, code) for code in self.parents)

    def everywhere(self, permission: str) -> bool:
        whole = self.part is None or self.part.agencies is None
        return whole and any(one.agency is None for one in self._carried(permission))

    def sees(self, permission: str, code: str | None) -> bool:
        if code is None:
            return self.everywhere(permission)
        above = line(code, self.parents)
        if self.part is not None and self.part.agencies is not None and not set(above) & set(self.part.agencies):
            return False
        return any(one.agency is None or one.agency in above for one in self._carried(permission))

    def inside(self, permission: str | None) -> set[str]:
        wanted = [permission] if permission else list(PERMISSIONS)
        # Where one's own grants are is told to oneself, also where a key carries nothing of them.
        held = {one.agency for one in self.living}
        own = set() if permission else {code for code in self.parents if held & {None, *line(code, self.parents)}}
        return own | {code for code in self.parents if any(self.sees(one, code) for one in wanted)}


def leaks(answer: httpx.Response, outside: Collection[str]) -> list[str]:
    """Agencies out of the scope whose token, address or indicator stands in any byte of the answer."""
    body = answer.content + repr(sorted(answer.headers.items())).encode()
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            body += b"".join(packed.read(name) for name in packed.namelist())
    return [code for code in outside if code in SAID and any(mark in body for mark in marks(code))]


def marks(code: str) -> tuple[bytes, ...]:
    said = SAID[code]
    return TOKENS[code].encode(), f'"{said.source}"'.encode(), said.title.encode().hex().encode()
