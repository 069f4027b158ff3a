"""A restore and how people come in (S32): what worked works again, what ended since stays ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import factors, keys, sessions, users
from api.auth.seal import seal_of
from api.local_port import ACTS, WHO, Node
from api.node.init import make_node, opened
from api.node.keeping.make import Made, create
from api.node.keeping.putback import Restored, put_back
from api.node.keeping.sealed import Key
from api.notices.vault import Vault
from api.permissions import Granted
from api.state.people import ApiKey, Outside, Passkey, RecoveryCode, User
from sensors.config import Config

PHRASE = Key(passphrase="cụm mật khẩu dùng để thử".encode())
AGENCY, DAY = "so-y-te", 86_400.0
LIMITS = sessions.Limits(1e6, 1e6)


class Place:
    """A node with six people, each of whom comes in by something else."""

    def __init__(self, folder: Path) -> None:
        self.data, self.out = folder / "luytre", folder / "out"
        make_node({"node": {"data": str(self.data), "agency": AGENCY, "name": "Sở Y tế", "observer": "nut"},
                   "api": {"people": "127.0.0.1:0", "machines": "127.0.0.1:0"},
                   "store": {"kind": "embedded"}})  # fmt: skip
        self.ids: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.codes: dict[str, list[str]] = {}
        with self.node() as node:
            for name in ("code", "pass", "keyed", "firm", "outside", "spent"):
                self.ids[name] = ACTS["user-add"](node, {"username": name, "role": "analyst"})["id"]
            with node.db.write() as session:
                now = node.clock.now()
                for name in ("code", "spent"):
                    user = self.user(session, name)
                    user.password = "hash"
                    self.secret = factors.begin(session, seal_of(self.data), user, now)
                    factors.confirm(session, seal_of(self.data), user, pyotp.TOTP(self.secret).at(now - 30), now)
                    self.codes[name] = factors.new_codes(session, user, now)
                session.add(Passkey(user_id=self.ids["pass"], credential_id="c", public_key="p", transports=[],
                                    name="usb", created_at=now))  # fmt: skip
                session.add(Outside(provider="tinh", subject="1", user_id=self.ids["outside"], created_at=now))
                for name in ("one", "two"):
                    made, self.keys[name] = keys.make(session, self.ids["keyed"], name, ["alerts.read"], None,
                                                      now + DAY, now)  # fmt: skip
                    self.ids[f"key {name}"] = made.id
                bounded = Granted("provider", None, now + 90 * DAY)
                users.grant(session, node.audit, WHO, self.user(session, "firm"), bounded, now=now, national=False)
            self.node_now = now

    def node(self) -> Any:
        return opened(Config(self.data / "luytre.toml", environ={}))

    def user(self, session: Session, name: str) -> User:
        return session.get_one(User, self.ids[name])

    def backup(self) -> Made:
        return create(Config(self.data / "luytre.toml", environ={}), self.out, PHRASE)

    def change(self, act: Callable[[Node, Session], None]) -> None:
        with self.node() as node, node.db.write() as session:
            act(node, session)

    def back(self, made: Made) -> Restored:
        return put_back(made.path, PHRASE, self.data, replace=True)

    def key_opens(self, name: str) -> bool:
        with self.node() as node, node.db.read() as session:
            return keys.find(session, self.keys[name], node.clock.now(), LIMITS) is not None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_codes_keys_and_the_secrets_of_channels_work_after_a_restore(place: Place, tmp_path: Path) -> None:
    sealed = Vault(place.data).seal(7, "mật khẩu hộp thư")
    (place.data / "secrets").mkdir()
    (place.data / "secrets" / "smtp").write_text("trong tệp\n")
    made = place.backup()
    names = {part.name for part in made.manifest.parts}
    assert {"keys/people.key", "keys/notices.key", "keys/audit.head", "secrets/smtp"} <= names
    neu = tmp_path / "neu"
    put_back(made.path, PHRASE, neu, trust=True)
    assert Vault(neu).open(7, sealed) == "mật khẩu hộp thư"
    assert Vault(neu).open(7, "file:smtp") == "trong tệp"
    for name in ("keys/people.key", "keys/notices.key", "secrets/smtp"):
        assert (neu / name).stat().st_mode & 0o077 == 0, name
    with opened(Config(neu / "luytre.toml", environ={})) as node, node.db.write() as session:
        now, user = node.clock.now(), session.get_one(User, place.ids["spent"])
        code = pyotp.TOTP(place.secret).at(now)
        assert factors.shown(session, seal_of(neu), user, code, now) == "totp"
        assert factors.shown(session, seal_of(neu), user, code, now) is None
        assert factors.shown(session, seal_of(neu), user, place.codes["spent"][0], now) == "recovery"
        assert session.scalars(select(Passkey.name)).all() == ["usb"]
        for text in place.keys.values():
            assert keys.find(session, text, now, LIMITS) is not None


def test_an_api_key_revoked_since_stays_revoked_and_its_neighbour_works(place: Place) -> None:
    made = place.backup()

    def revoke(node: Node, session: Session) -> None:
        session.get_one(ApiKey, place.ids["key one"]).revoked_at = node.clock.now()
        node.audit.record(session, WHO, "key.revoke", f"key:{place.ids['key one']}")

    place.change(revoke)
    place.back(made)
    assert not place.key_opens("one")
    assert place.key_opens("two")


def test_a_key_made_since_revokes_none_of_the_backup_s(place: Place) -> None:
    made = place.backup()
    place.change(lambda node, session: node.audit.record(session, WHO, "key.add", f"key:{place.ids['key one']}"))
    place.back(made)
    assert place.key_opens("one")


@pytest.mark.parametrize("how", ["ended", "shortened"])
def test_a_provider_s_grant_that_ended_since_does_not_come_back(place: Place, how: str) -> None:
    made = place.backup()

    def end(node: Node, session: Session) -> None:
        user, now = place.user(session, "firm"), node.clock.now()
        [grant] = [grant for grant in user.grants if grant.role == "provider"]
        if how == "ended":
            users.withdraw(session, node.audit, WHO, user, grant, now)
        else:
            users.grant(session, node.audit, WHO, user, Granted("provider", None, now + 60), now=now, national=False)

    place.change(end)
    done = place.back(made)
    assert done.held.disabled == ["firm"]


def test_a_longer_grant_takes_nothing_away(place: Place) -> None:
    made = place.backup()
    place.change(lambda node, session: users.grant(
        session, node.audit, WHO, place.user(session, "firm"), Granted("provider", None, place.node_now + 99 * DAY),
        now=node.clock.now(), national=False) and None)  # fmt: skip
    assert place.back(made).held.disabled == []


@pytest.mark.parametrize("factor", ["totp", "passkey"])
def test_who_removed_a_factor_since_waits_for_a_person_s_look(place: Place, factor: str) -> None:
    made, name = place.backup(), "code" if factor == "totp" else "pass"
    place.change(lambda node, session: node.audit.record(
        session, WHO, "factor.remove", f"user:{place.ids[name]}", detail={"factor": factor}))  # fmt: skip
    assert place.back(made).held.disabled == [name]


def test_a_recovery_code_spent_since_stays_spent_and_its_owner_gets_in(place: Place) -> None:
    made = place.backup()
    place.change(lambda node, session: node.audit.record(session, WHO, "factor.use", f"user:{place.ids['spent']}"))
    done = place.back(made)
    assert done.held.disabled == []
    with place.node() as node, node.db.write() as session:
        now, spent = node.clock.now(), place.user(session, "spent")
        assert factors.shown(session, seal_of(place.data), spent, place.codes["spent"][0], now) is None
        assert factors.shown(session, seal_of(place.data), spent, pyotp.TOTP(place.secret).at(now), now) == "totp"
        assert factors.codes_left(session, place.ids["code"]) == 10


def test_when_nobody_knows_no_proof_of_the_backup_opens_anything(place: Place, tmp_path: Path) -> None:
    made, neu = place.backup(), tmp_path / "neu"
    done = put_back(made.path, PHRASE, neu)
    assert done.held.unknown
    assert done.held.disabled == ["outside"]
    with opened(Config(neu / "luytre.toml", environ={})) as node:
        with node.db.read() as session:
            now = node.clock.now()
            assert session.scalars(select(Passkey)).all() == []
            assert session.scalars(select(RecoveryCode)).all() == []
            assert session.scalars(select(User).where(User.password.is_not(None))).all() == []
            assert [keys.find(session, text, now, LIMITS) for text in place.keys.values()] == [None, None]
        assert ACTS["user-link"](node, {"username": "pass"})["token"]  # the way in
        assert ACTS["backup-confirm"](node, {"names": ["outside"]})["users"] == ["outside"]
        with node.db.write() as session:  # alone it opens nothing: who has it still shows it after the link
            user = session.get_one(User, place.ids["spent"])
            assert factors.shown(session, seal_of(neu), user, pyotp.TOTP(place.secret).at(now), now) == "totp"
