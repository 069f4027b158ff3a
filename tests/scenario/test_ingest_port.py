"""The machine port as a machine meets it: a real child process, TLS, certificates, SQLite and journal.

Who may speak, what is stored, what is answered; kill -9 and cut connections are in test_ship_torture.py.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.auth.ca import Authority, Name
from correlator.store import open_reader
from correlator.store.base import Page
from sensors.config import Config
from sensors.errors import LuytreError
from sensors.event import Event, get
from sensors.ship.enrol import enrol, fetch_ca, renew
from sensors.wire import BulkClient, Busy, NotAllowed, TooLarge, Wire, tls_context
from tests.servers.machine_port import AGENCY, OBSERVER, MachineServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineServer]:
    running = MachineServer(tmp_path_factory.mktemp("port")).start()
    yield running
    running.kill(15)


def stored(server: MachineServer, stream: Any = "events") -> list[Event]:
    reader = open_reader(Config(server.config))
    events: list[Event] = []
    cursor = None
    while isinstance(page := reader.tail(cursor, 1000, stream), Page) and page.events:
        events += page.events
        cursor = page.next
    reader.close()
    return events


def client(server: MachineServer, keys: Path | None = None, file: str = "sensor", **more: Any) -> BulkClient:
    keys = keys or server.keys
    return BulkClient(
        server.url, tls_context(server.keys / "ca.pem", keys / f"{file}.pem", keys / f"{file}.key"), **more
    )


def anonymous(server: MachineServer) -> Wire:
    return Wire(server.url, tls_context(server.keys / "ca.pem"))


def event(number: int, epoch: int, **more: Any) -> bytes:
    body = {
        "@timestamp": "2026-11-22T01:02:03Z", "message": f"dòng {number}",
        "event": {"id": f"{epoch}-{number}", "sequence": number, "dataset": "test"},
        "agent": {"type": "log"}, "luytre": {"spool": {"epoch": epoch}}, **more,
    }  # fmt: skip
    return json.dumps(body).encode()


def token_for(server: MachineServer, name: str, role: str = "sensor") -> tuple[str, str]:
    token, fingerprint = server.ask("token", name, role)
    return token, fingerprint


@pytest.mark.parametrize("coding", ["zstd", "gzip", "identity"])
def test_a_batch_is_stored_once_and_answered_per_item(server: MachineServer, coding: Any) -> None:
    epoch = {"zstd": 10, "gzip": 11, "identity": 12}[coding]
    wire = client(server, coding=coding)
    items = [event(n, epoch) for n in range(1, 51)]
    assert {status.status for status in wire.send(items)} == {201}
    assert {status.status for status in wire.send([*items, event(51, epoch)])} == {200, 201}
    wire.close()
    mine = [e for e in stored(server) if get(e, "luytre.spool.epoch") == epoch]
    assert [get(e, "event.sequence") for e in mine] == list(range(1, 52))
    assert all(e["organization"] == {"id": AGENCY} and e["observer"]["name"] == OBSERVER for e in mine)


def test_a_bad_item_does_not_fail_its_neighbours_and_becomes_a_dead_letter(server: MachineServer) -> None:
    from api.ingest.dead import page

    wire = client(server)
    bad = b'{"a":' * 50 + b"1" + b"}" * 50
    statuses = wire.send(
        [event(1, 20), bad, b"not json", event(2, 20), b'{"m":"' + b"a" * 300_000 + b'"}', event(3, 20)]
    )
    wire.close()
    assert [status.status for status in statuses] == [201, 400, 400, 201, 400, 201]
    letters, _ = page(server.data / "dead" / "ingest", None, 100)
    assert [letter["reason"] for letter in letters if letter["sender"].endswith(OBSERVER)][-3:] == [
        statuses[1].reason, statuses[2].reason, statuses[4].reason,
    ]  # fmt: skip


def test_a_claim_of_another_agency_is_stored_under_its_own_and_flagged(server: MachineServer) -> None:
    wire = client(server)
    wire.send([event(1, 30, organization={"id": "bo-cong-an"})])
    wire.close()
    mine = next(e for e in stored(server) if get(e, "luytre.spool.epoch") == 30)
    assert mine["organization"] == {"id": AGENCY}
    assert get(mine, "luytre.claimed.agency") == "bo-cong-an"
    said = _eventually(server, "SELECT claimed FROM machines WHERE flagged AND id = ?", f"{AGENCY}:sensor:{OBSERVER}")
    assert "bo-cong-an" in said[0]


def test_strangers_store_nothing(server: MachineServer, tmp_path: Path) -> None:
    before = len(stored(server))
    nobody = BulkClient(server.url, tls_context(server.keys / "ca.pem"))
    with pytest.raises(NotAllowed) as error:
        nobody.send([event(1, 40)])
    assert error.value.status == 401
    nobody.close()

    forged = Authority.open(tmp_path / "ca", AGENCY)  # the same names, another CA
    with pytest.raises(NotAllowed):
        Wire(server.url, tls_context(tmp_path / "ca" / "ca.pem")).ask("GET", "/_healthz")
    issued = forged.local(tmp_path / "ca", "sensor", Name(AGENCY, "sensor", OBSERVER))
    assert issued
    (tmp_path / "ca" / "sensor.pem").write_bytes(issued.pem)
    other = client(server, tmp_path / "ca")
    with pytest.raises((NotAllowed, Busy)):
        other.send([event(1, 40)])
    other.close()

    # Signed by the right CA, but not in the table: a restored backup, a stolen ca.key of last year.
    authority = Authority.open(server.keys, AGENCY)
    issued = authority.local(tmp_path, "sensor", Name(AGENCY, "sensor", "bong-ma"))
    assert issued
    (tmp_path / "sensor.pem").write_bytes(issued.pem)
    ghost = client(server, tmp_path)
    with pytest.raises(NotAllowed) as error:
        ghost.send([event(1, 40)])
    assert error.value.status == 403
    ghost.close()
    assert len(stored(server)) == before


def test_enrolment_renewal_and_revocation(server: MachineServer, tmp_path: Path) -> None:
    token, fingerprint = token_for(server, "may-moi")
    with pytest.raises(LuytreError, match="LT-W0112"):
        fetch_ca(server.url, "0" * 64)
    grouped = ":".join(fingerprint[n : n + 2] for n in range(0, 64, 2)).upper()
    found = enrol(server.url, token, grouped, tmp_path)
    assert (found.agency, found.role, found.name) == (AGENCY, "sensor", "may-moi")
    assert (tmp_path / "sensor.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(LuytreError, match="LT-W0113"):  # the second use
        enrol(server.url, token, fingerprint, tmp_path / "again")
    assert not (tmp_path / "again" / "sensor.pem").exists()
    wire = client(server, tmp_path)
    assert wire.send([event(1, 50)])[0].status == 201
    wire.close()

    assert renew(server.url, tmp_path) is None
    before = (tmp_path / "sensor.pem").read_bytes()
    assert renew(server.url, tmp_path, force=True)
    assert (tmp_path / "sensor.pem").read_bytes() != before
    wire = client(server, tmp_path)
    assert wire.send([event(2, 50)])[0].status == 201
    machine = next(e for e in stored(server) if get(e, "luytre.spool.epoch") == 50)
    assert get(machine, "observer.name") == "may-moi"
    wire.close()


def test_roles_hold(server: MachineServer, tmp_path: Path) -> None:
    token, fingerprint = token_for(server, "xa-a", "node")
    enrol(server.url, token, fingerprint, tmp_path, file="node", ca_file="upstream-ca.pem")
    node = client(server, tmp_path, "node")
    with pytest.raises(NotAllowed) as error:
        node.send([event(1, 60)])
    assert error.value.status == 403
    node.close()
    correlator = client(server, file="correlator")
    hit = {"@timestamp": "2026-11-22T01:02:03Z", "event": {"id": "hit-1", "kind": "alert"}}
    items = [json.dumps(hit).encode()]
    assert [correlator.send(items)[0].status for _ in range(2)] == [201, 200]
    correlator.close()
    assert [get(e, "event.id") for e in stored(server, "hits")] == ["hit-1"]


def test_third_party_shippers(server: MachineServer) -> None:
    wire = Wire(server.url, tls_context(server.keys / "ca.pem", server.keys / "sensor.pem", server.keys / "sensor.key"))
    root = wire.ask("GET", "/")
    assert root.headers["x-elastic-product"] == "Elasticsearch"
    assert root.json()["version"]["number"].startswith("8.")
    assert wire.ask("GET", "/_license").json()["license"]["status"] == "active"
    assert wire.ask("HEAD", "/_index_template/filebeat-8.19.0").status == 200
    assert wire.ask("PUT", "/_ilm/policy/filebeat", b"{}").status == 403
    body = b'{"index":{"_id":"abc","_index":"khac","pipeline":"x"}}\n{"message":"tu filebeat"}\n'
    answers = [
        wire.ask("POST", "/filebeat-8/_bulk", body, {"content-type": "application/json"}).json() for _ in range(2)
    ]
    assert [a["items"][0]["index"]["status"] for a in answers] == [201, 200]
    assert answers[0]["items"][0]["index"]["_id"] == "abc"
    assert wire.ask("GET", "/_search/../etc/passwd").status == 404
    wire.close()
    assert len([e for e in stored(server) if e.get("message") == "tu filebeat"]) == 1


@pytest.mark.quiet
def test_bodies_over_the_limits_are_413_within_a_second(server: MachineServer) -> None:
    wire = client(server, coding="identity")
    for body in (b"\n" * (11 << 20), gzip.compress(b"\0" * (100 << 20), 1)):
        headers = {"content-encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        started = time.monotonic()
        assert wire.wire.ask("POST", "/_bulk", body, headers).status == 413
        assert time.monotonic() - started < 2  # the bomb itself is inflated to 20 MiB and no further
    with pytest.raises(TooLarge):
        wire.post(b'{"create":{}}\n{}', 1)
    assert wire.wire.ask("POST", "/_bulk", b"x", {"content-encoding": "gzip, gzip"}).status == 415
    assert wire.send([event(1, 70)])[0].status == 201
    wire.close()


@pytest.mark.quiet
def test_slow_clients_do_not_keep_others_out(server: MachineServer) -> None:
    context = tls_context(server.keys / "ca.pem", server.keys / "sensor.pem", server.keys / "sensor.key")
    slow = []
    for n in range(60):
        sock: socket.socket = socket.create_connection(("127.0.0.1", server.port))
        if n % 3:
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
            head = b"POST /_bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            sock.sendall(head + (b"\r\n" + b"a" * 100 if n % 3 == 1 else b""))
        slow.append(sock)
    wire = Wire(server.url, context)
    assert wire.ask("GET", "/_healthz").status == 200
    started = time.monotonic()
    assert wire.ask("GET", "/").status == 200
    assert time.monotonic() - started < 1
    wire.close()
    for sock in slow:
        sock.close()


def test_plain_http_and_old_tls_get_nothing(server: MachineServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert not sock.recv(100).startswith(b"HTTP")
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        socket.create_connection(("127.0.0.1", server.port)) as sock,
        tls_context(server.keys / "ca.pem").wrap_socket(sock, server_hostname="khac.gov.vn"),
    ):
        pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.keys / "ca.pem")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        pytest.raises((ssl.SSLError, OSError)),
        socket.create_connection(("127.0.0.1", server.port)) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1"),
    ):
        pass


def test_statistics_reach_sql(server: MachineServer) -> None:
    wire = client(server)
    beat = {"event": {"id": "80-1", "sequence": 1, "dataset": "luytre.heartbeat"}}
    beat["luytre"] = {"spool": {"epoch": 80}, "heartbeat": {"received": 7, "spooled": 6, "dropped": {"full": 1}}}
    wire.send([event(1, 80, **beat)])
    wire.close()
    row = _eventually(
        server, "SELECT spooled, dropped, events_total FROM machine_streams WHERE received = 7 AND machine_id = ?",
        f"{AGENCY}:sensor:{OBSERVER}",
    )  # fmt: skip
    assert row[:2] == [6, 1]
    assert row[2] >= 1


def _eventually(server: MachineServer, query: str, *values: str) -> list[Any]:
    """The first row, as soon as there is one; the database is read beside its one process."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/state/luytre.db?mode=ro", uri=True)) as db:
        for _ in range(150):
            if row := db.execute(query, values).fetchone():
                return list(row)
            time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_revoked_machine_is_refused_at_once(server: MachineServer, tmp_path: Path) -> None:
    token, fingerprint = token_for(server, "bi-thu-hoi")
    enrol(server.url, token, fingerprint, tmp_path)
    wire = client(server, tmp_path)
    assert wire.send([event(1, 90)])[0].status == 201
    assert server.ask("revoke", f"{AGENCY}:sensor:bi-thu-hoi") == ["True"]
    with pytest.raises(NotAllowed, match="revoked"):  # on the very connection that was open
        wire.send([event(2, 90)])
    with pytest.raises(NotAllowed):
        renew(server.url, tmp_path, force=True)
    wire.close()
    assert [get(e, "event.sequence") for e in stored(server) if get(e, "luytre.spool.epoch") == 90] == [1]
