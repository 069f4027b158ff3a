"""A node's backup: made while it writes, proved, put back; damage is named; what was revoked stays revoked (S32)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, text

from api.auth import links, passwords, sessions, users
from api.auth.ca import Name
from api.auth.machines import Machines, Stranger
from api.local_port import ACTS, WHO, Node
from api.node.init import make_node, opened
from api.node.keeping import ledger, make
from api.node.keeping.gather import prefix
from api.node.keeping.make import Policy, create, prune
from api.node.keeping.parts import PartWriter, Taken, read_parts
from api.node.keeping.prove import prove
from api.node.keeping.putback import put_back
from api.node.keeping.sealed import Key, SealedWriter, WrongKey, messages, new_pair, read_key
from api.state.machines import Machine
from api.state.people import LoginSession, User
from correlator.store.base import Mark, Page
from correlator.store.embedded import EmbeddedReader
from correlator.store.journal import EmbeddedWriter
from sensors.config import Config
from sensors.errors import Damaged, LuytreError
from sensors.event import new_event
from sensors.spool import SpoolWriter

PHRASE = Key(passphrase="cụm mật khẩu dùng để thử".encode())
AGENCY = "so-y-te"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    data = tmp_path / "luytre"
    make_node({"node": {"data": str(data), "agency": AGENCY, "name": "Sở Y tế", "observer": "nut"},
               "api": {"people": "127.0.0.1:0", "machines": "127.0.0.1:0"}, "store": {"kind": "embedded"}})  # fmt: skip
    return data


def config_of(data: Path) -> Config:
    return Config(data / "luytre.toml", environ={})


def an_event(number: int) -> dict[str, Any]:
    return new_event("test", 1_795_000_000.0 + number, {"event.id": f"id-{number}", "message": f"sự kiện {number}",
                                                        "organization.id": AGENCY})  # fmt: skip


def fill(data: Path, count: int = 300) -> None:
    writer = EmbeddedWriter(data)
    for start in range(0, count, 50):
        events = [an_event(n) for n in range(start, min(start + 50, count))]
        writer.append(events, "events", {"so-y-te:nut/log": Mark(7, start)})
    writer.append([{**an_event(0), "event": {"id": "hit", "kind": "alert"}}], "hits")
    writer.close()
    with SpoolWriter(data / "spool" / "log", observer="nut") as spool:
        spool.append([an_event(1)], {"file": "12"})
    (data / "rules").mkdir()
    (data / "rules" / "own.yml").write_text("title: của đơn vị\n", "utf-8")
    (data / "cache").mkdir()
    (data / "cache" / "rules").write_bytes(b"compiled rules")


def messages_in(data: Path) -> list[str]:
    EmbeddedWriter(data).close()
    reader = EmbeddedReader(data)
    page = reader.tail(None, 10_000)
    assert isinstance(page, Page)
    reader.close()
    return [event["message"] for event in page.events]


def test_what_is_put_back_is_what_was_there_and_verify_counts_it(home: Path, tmp_path: Path) -> None:
    fill(home)
    made = create(config_of(home), tmp_path / "out", PHRASE)
    assert made.path.stat().st_mode & 0o077 == 0
    assert made.manifest.items == {"events": 300, "hits": 1}
    names = {part.name for part in made.manifest.parts}
    assert {"luytre.toml", "keys/ca.key", "keys/audit.head", "state/luytre.db", "rules/own.yml"} <= names
    assert not [
        name for name in names if name.startswith(("cache/", "index/", "run/", "log/")) or name.endswith("lock")
    ]
    assert b"PRIVATE KEY" not in made.path.read_bytes()
    proof = prove(made.path, PHRASE, tmp_path)
    assert proof.problems == []
    assert (proof.items, proof.indexed, proof.found) == ({"events": 300, "hits": 1}, 300, 300)
    assert proof.audit > 0
    assert not list(tmp_path.glob("luytre-verify-*"))

    done = put_back(made.path, PHRASE, tmp_path / "neu", trust=True)
    assert done.before is None
    assert messages_in(tmp_path / "neu") == [f"sự kiện {n}" for n in range(300)]
    assert (tmp_path / "neu" / "keys" / "ca.key").read_bytes() == (home / "keys" / "ca.key").read_bytes()
    assert config_of(tmp_path / "neu").raw["node"]["data"] == str(tmp_path / "neu")
    with opened(config_of(tmp_path / "neu")) as node, node.db.read() as session:
        assert node.audit.verify(session) is None
    said = ledger.load(home)
    assert (said["target"], said["file"], said["problem"]) == (str(tmp_path / "out"), made.path.name, None)
    assert said["last_good_at"] == made.manifest.made_at


def test_made_while_the_node_writes_it_holds_a_prefix_of_everything_acknowledged_before(
    home: Path, tmp_path: Path
) -> None:
    fill(home)
    stop, acknowledged = threading.Event(), [300]
    writer = EmbeddedWriter(home)

    def go_on() -> None:
        while not stop.is_set():
            number = acknowledged[0]
            writer.append([an_event(n) for n in range(number, number + 20)])
            acknowledged[0] = number + 20

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        while acknowledged[0] < 500:
            time.sleep(0.001)
        before = acknowledged[0]
        made = create(config_of(home), tmp_path / "out", PHRASE)
        after = acknowledged[0] + 20
    finally:
        stop.set()
        thread.join()
        writer.close()
    assert before <= made.manifest.items["events"] <= after
    assert prove(made.path, PHRASE, tmp_path).problems == []
    put_back(made.path, PHRASE, tmp_path / "neu", trust=True)
    assert messages_in(tmp_path / "neu") == [f"sự kiện {n}" for n in range(made.manifest.items["events"])]


def test_without_events_the_rest_is_whole(home: Path, tmp_path: Path) -> None:
    fill(home)
    made = create(config_of(home), tmp_path / "out", PHRASE, events=False)
    assert not [part.name for part in made.manifest.parts if part.name.startswith("journal/")]
    assert prove(made.path, PHRASE, tmp_path).problems == []


# --- the seal -----------------------------------------------------------------------------------------------------


def test_a_wrong_passphrase_and_a_public_key_do_not_open(home: Path, tmp_path: Path) -> None:
    made = create(config_of(home), tmp_path / "out", PHRASE)
    with pytest.raises(WrongKey):
        put_back(made.path, Key(passphrase=b"m\xe1\xba\xadt kh\xe1\xba\xa9u kh\xc3\xa1c"), tmp_path / "neu")
    assert not (tmp_path / "neu").exists()
    assert not (tmp_path / "neu.restoring").exists()
    public, secret = new_pair()
    for name, line in (("pub", public), ("key", secret), ("other", new_pair()[1])):
        (tmp_path / name).write_text(line + "\n")
    locked = create(config_of(home), tmp_path / "out2", read_key(tmp_path / "pub"))
    for name in ("pub", "other"):
        with pytest.raises(LuytreError):
            prove(locked.path, read_key(tmp_path / name), tmp_path)
    with pytest.raises(WrongKey):
        prove(locked.path, PHRASE, tmp_path)
    assert prove(locked.path, read_key(tmp_path / "key"), tmp_path).good


def test_one_flipped_bit_in_each_part_is_found_and_named(home: Path, tmp_path: Path) -> None:
    fill(home, 100)
    made = create(config_of(home), tmp_path / "out", PHRASE)
    whole = made.path.read_bytes()
    # Where each part's first data lies in the file: told by reading it once and noting how far the file was read.
    spots: dict[str, int] = {}
    with made.path.open("rb") as file:
        read_parts(file, PHRASE, lambda taken: _note(spots, taken, file.tell()))
    assert set(spots) == {part.name for part in made.manifest.parts if part.bytes}
    bad = tmp_path / "bad.ltk"
    for name, end in spots.items():
        data = bytearray(whole)
        data[end - 5] ^= 0x10
        bad.write_bytes(data)
        with pytest.raises(Damaged) as told:
            _read(bad)
        assert name in str(told.value), name


def _note(spots: dict[str, int], taken: Taken, at: int) -> None:
    if taken.data:
        spots.setdefault(taken.name, at)


def _read(path: Path) -> None:
    with path.open("rb") as file:
        read_parts(file, PHRASE, lambda _: None)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_damaged_not_short(home: Path, tmp_path: Path, keep: float) -> None:
    made = create(config_of(home), tmp_path / "out", PHRASE)
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(LuytreError):
        prove(made.path, PHRASE, tmp_path)


def test_chunks_cannot_be_left_out_or_change_places(tmp_path: Path) -> None:
    path = tmp_path / "sealed"
    with path.open("wb") as file:
        writer = SealedWriter(file, PHRASE)
        ends = [writer.written]
        for number in range(4):
            writer.message(b"D", bytes([number]) * 100, last=number == 3)
            ends.append(writer.written)
    whole = path.read_bytes()
    line, *parts = [whole[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    for order in ([0, 1, 3], [0, 2, 1, 3], [0, 1, 2], [0, 1, 2, 3, 3], [1, 2, 3]):
        path.write_bytes(line + b"".join(parts[at] for at in order))
        with path.open("rb") as file, pytest.raises(LuytreError):
            list(messages(file, PHRASE))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "a//b", ".ssh/x", "a\x00b", "x" * 300, "a/" * 12])
def test_a_part_that_would_leave_the_folder_is_refused_on_both_sides(tmp_path: Path, name: str) -> None:
    with (tmp_path / "f").open("wb") as file, pytest.raises(ValueError):
        PartWriter(file, PHRASE).add(name, [b"x"])
    with (tmp_path / "g").open("wb") as file:
        writer = SealedWriter(file, PHRASE)
        writer.message(b"P", json.dumps({"name": name, "zstd": False}).encode(), last=True)
    with (tmp_path / "g").open("rb") as file, pytest.raises(Damaged):
        read_parts(file, PHRASE, lambda _: None)


# --- crash, full disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["snapshot", "part", "fsync", "rename"])
def test_killed_at_any_step_there_is_the_old_backup_and_the_next_one_works(
    home: Path, tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child is killed (os._exit: nothing is cleaned up) at the step."""
    out = tmp_path / "out"
    first = create(config_of(home), out, PHRASE)
    pid = os.fork()
    if pid == 0:
        try:
            steps: dict[str, tuple[Any, str]] = {
                "snapshot": (make, "_about"), "part": (make.PartWriter, "close"), "fsync": (os, "fsync"),
                "rename": (Path, "replace"),
            }  # fmt: skip
            where, name = steps[at]
            setattr(where, name, lambda *_, **__: os._exit(9))
            time.sleep(1.1)  # another second, another name
            create(config_of(home), out, PHRASE)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert prove(first.path, PHRASE, tmp_path).good
    assert sorted(path.name for path in out.glob("*.ltk")) == [first.path.name]
    time.sleep(1.1)
    second = create(config_of(home), out, PHRASE)
    assert prove(second.path, PHRASE, tmp_path).good
    assert len(list(out.iterdir())) == 2, "what the killed one left is gone"
    assert not (home / ".keeping").exists()


def test_a_full_disk_is_told_and_leaves_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(make.PartWriter, "close", full)
    with pytest.raises(LuytreError, match="No space left"):
        create(config_of(home), tmp_path / "out", PHRASE)
    assert list((tmp_path / "out").iterdir()) == []
    assert "No space left" in ledger.load(home)["problem"]["en"]


@pytest.mark.parametrize("at", ["unpack", "settle", "exchange"])
def test_a_restore_killed_at_any_step_leaves_the_old_node_or_the_new(home: Path, tmp_path: Path, at: str) -> None:
    fill(home, 50)
    made = create(config_of(home), tmp_path / "out", PHRASE)
    (home / "old").write_text("x")
    pid = os.fork()
    if pid == 0:
        try:
            from api.node.keeping import putback

            names = {"unpack": "settle", "settle": "_take_place", "exchange": "sync"}
            setattr(putback, names[at], lambda *_, **__: os._exit(9))
            put_back(made.path, PHRASE, home, replace=True, trust=True)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert len(messages_in(home)) == 50
    with opened(config_of(home)) as node, node.db.read() as session:
        assert node.audit.verify(session) is None
    put_back(made.path, PHRASE, home, replace=True, trust=True)
    assert not (home / "old").exists()


def test_a_running_node_and_a_folder_with_something_in_it_are_refused(home: Path, tmp_path: Path) -> None:
    made = create(config_of(home), tmp_path / "out", PHRASE)
    with pytest.raises(LuytreError, match="LT-N0521"):
        put_back(made.path, PHRASE, home)
    with opened(config_of(home)), pytest.raises(LuytreError, match="LT-N0525"):
        put_back(made.path, PHRASE, home, replace=True)


# --- S32: revoked stays revoked -------------------------------------------------------------------------------------


class People:
    """A node with people and machines, as they were when the backup was made."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ders: dict[str, bytes] = {}
        with opened(config_of(data)) as node:
            for name in ("stays", "disabled", "password", "withdrawn"):
                ACTS["user-add"](node, {"username": name, "role": "analyst"})
                ACTS["user-password"](node, {"username": name, "password": "cây đa bến nước sân đình"})
            self.tokens = {name: self.sign_in(node, name) for name in ("stays", "disabled")}
            self.link = ACTS["user-link"](node, {"username": "stays"})["token"]
            self.enrolment = ACTS["token"](node, {"agency": AGENCY, "role": "sensor", "name": "later"})["token"]
            for name in ("good", "lost"):
                self.ders[name] = self.enrol(node.machines, name)
            self.key = node.machines.new_api_key(Name(AGENCY, "shipper", "beats"), "test")

    def sign_in(self, node: Node, name: str) -> str:
        with node.db.write() as session:
            user = users.by_name(session, name)
            assert user is not None
            return sessions.start(session, user.id, node.clock.now(), sessions.Limits(1e6, 1e6))

    def enrol(self, machines: Machines, name: str) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        token, _ = machines.issue_token(Name(AGENCY, "sensor", name), "test")
        issued = machines.enrol(token, csr.public_bytes(serialization.Encoding.PEM))
        return x509.load_pem_x509_certificate(issued.pem).public_bytes(serialization.Encoding.DER)

    def revoke(self) -> None:
        """What happens after the backup."""
        with opened(config_of(self.data)) as node:
            ACTS["revoke"](node, {"id": f"{AGENCY}:sensor:lost", "reason": "mất máy"})
            ACTS["user-password"](node, {"username": "password", "password": "trăm hay không bằng tay quen"})
            with node.db.write() as session:
                for name, act in (("disabled", users.disable), ("withdrawn", None)):
                    user = users.by_name(session, name)
                    assert user is not None
                    if act:
                        act(session, node.audit, WHO, user)
                    else:
                        node.audit.record(session, WHO, "user.withdraw", f"user:{user.id}", detail={"role": "analyst"})


def look(data: Path, check: Callable[[Node], None]) -> None:
    with opened(config_of(data)) as node:
        node.machines.refresh()
        check(node)


@pytest.mark.parametrize("way", ["old folder", "file at hand"])
def test_what_was_revoked_after_the_backup_stays_revoked(home: Path, tmp_path: Path, way: str) -> None:
    people = People(home)
    made = create(config_of(home), tmp_path / "out", PHRASE)
    people.revoke()
    if way == "old folder":
        done = put_back(made.path, PHRASE, home, replace=True)
        at = home
    else:
        at = tmp_path / "neu"
        done = put_back(made.path, PHRASE, at, revoked_log=home / "keys" / "revoked.log")
    assert done.held.machines == [f"{AGENCY}:sensor:lost"]
    assert sorted(done.held.disabled) == ["disabled", "withdrawn"]
    assert done.held.passwords == ["password"]
    assert not done.held.unknown

    def check(node: Node) -> None:
        assert node.machines.of_certificate(people.ders["good"]).name == "good"
        with pytest.raises(Stranger):
            node.machines.of_certificate(people.ders["lost"])
        assert node.machines.of_header(f"ApiKey {people.key}").name == "beats"
        with pytest.raises(Stranger):
            node.machines.enrol(people.enrolment, b"")
        with node.db.write() as session:
            for token in people.tokens.values():
                assert sessions.find(session, token, node.clock.now(), sessions.Limits(1e6, 1e6)) is None
            assert links.use(session, people.link, node.clock.now()) is None
            assert session.scalars(select(LoginSession)).all() == []
            stays, password = users.by_name(session, "stays"), users.by_name(session, "password")
            assert stays is not None
            assert stays.password is not None
            assert not stays.disabled
            assert password is not None
            assert password.password is None
            for name in ("disabled", "withdrawn"):
                user = users.by_name(session, name)
                assert user is not None
                assert user.disabled, name

    look(at, check)


def test_when_nobody_knows_what_was_revoked_nothing_is_trusted_until_confirmed(home: Path, tmp_path: Path) -> None:
    people = People(home)
    made = create(config_of(home), tmp_path / "out", PHRASE)
    people.revoke()
    neu = tmp_path / "neu"
    done = put_back(made.path, PHRASE, neu)
    assert done.held.unknown
    assert set(done.held.machines) == {f"{AGENCY}:sensor:good", f"{AGENCY}:sensor:lost", f"{AGENCY}:shipper:beats"}

    def check(node: Node) -> None:
        for name in ("good", "lost"):
            with pytest.raises(Stranger):
                node.machines.of_certificate(people.ders[name])
        with pytest.raises(Stranger):
            node.machines.of_header(f"ApiKey {people.key}")
        with node.db.read() as session:
            assert session.scalars(select(User).where(User.password.is_not(None))).all() == []
        assert ACTS["user-link"](node, {"username": "stays"})["token"]  # the way in
        assert ACTS["backup-confirm"](node, {"names": ["good"]})["machines"] == [f"{AGENCY}:sensor:good"]
        assert node.machines.of_certificate(people.ders["good"]).name == "good"
        with pytest.raises(Stranger):
            node.machines.of_certificate(people.ders["lost"])

    look(neu, check)
    make_node({"node": {"data": str(neu)}}, neu / "luytre.toml")  # its own programs have certificates that count


def test_what_was_revoked_before_the_backup_is_no_matter_of_confirm(home: Path, tmp_path: Path) -> None:
    people = People(home)
    people.revoke()
    made = create(config_of(home), tmp_path / "out", PHRASE)
    put_back(made.path, PHRASE, tmp_path / "neu")

    def check(node: Node) -> None:
        ACTS["backup-confirm"](node, {"all": True})
        with pytest.raises(Stranger):
            node.machines.of_certificate(people.ders["lost"])
        with node.db.read() as session:
            lost = session.get(Machine, f"{AGENCY}:sensor:lost")
            assert lost is not None
            assert lost.revoked_reason == "mất máy"

    look(tmp_path / "neu", check)


def test_every_act_that_takes_a_right_away_is_in_the_log_before_it_commits(home: Path) -> None:
    with opened(config_of(home)) as node:
        with contextlib.suppress(RuntimeError), node.db.write() as session:
            node.audit.record(session, WHO, "user.disable", "user:1")
            raise RuntimeError
        assert b'"user:1"' in (home / "keys" / "revoked.log").read_bytes()
        with node.db.write() as session:
            node.audit.record(session, WHO, "user.add", "user:2")
            node.audit.record(session, WHO, "session.open", "user:2")
        assert b'"user:2"' not in (home / "keys" / "revoked.log").read_bytes()


# --- the policy, the job, the local act -----------------------------------------------------------------------------


def test_the_newest_of_each_day_and_week_stay(tmp_path: Path) -> None:
    for day in range(1, 29):
        for hour in ("01", "13"):
            (tmp_path / f"luytre-a-202611{day:02}T{hour}0000Z.ltk").write_bytes(b"x")
    (tmp_path / "luytre-b-20260101T000000Z.ltk").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    prune(tmp_path, "a", Policy(daily=3, weekly=3))
    kept = sorted(path.name[9:20] for path in tmp_path.glob("luytre-a-*"))
    assert kept == ["20261115T13", "20261122T13", "20261126T13", "20261127T13", "20261128T13"]
    assert (tmp_path / "luytre-b-20260101T000000Z.ltk").exists()
    assert (tmp_path / "notes.txt").exists()
    prune(tmp_path, "a", Policy(0, 0))
    assert [path.name[9:20] for path in tmp_path.glob("luytre-a-*")] == ["20261128T13"]


def test_the_copy_of_the_database_is_one_moment_and_only_in_our_folder(home: Path, tmp_path: Path) -> None:
    with opened(config_of(home)) as node:
        (home / ".keeping").mkdir()
        ACTS["backup-snapshot"](node, {"into": "../../../etc/x.db"})
        assert (home / ".keeping" / "x.db").exists()
        with node.db.read() as session:
            assert session.execute(text("SELECT count(*) FROM audit_entry")).scalar()


def test_a_prefix_stops_at_the_watermark(home: Path) -> None:
    fill(home, 50)
    folder = home / "journal" / "events"
    what = prefix(folder)
    newest = folder / what.segments[-1][0].name
    with newest.open("ab") as file:
        file.write(b"not durable yet")
    assert prefix(folder).end == what.end


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")
    return None


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
