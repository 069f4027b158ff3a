"""The edges of the people's port: the schema, the dashboard's files, where it listens, the codes of its problems."""

from __future__ import annotations

import gc
import gzip
from pathlib import Path

import pytest
from starlette.requests import Request

from api.config import ApiTable
from api.dashboard import Dashboard
from api.openapi import schema
from api.people_port import is_loopback, listen_at, tls_context, wants_tls
from api.problems import TEXTS
from api.runtime import Runtime
from sensors.errors import ConfigError
from tests.servers.people_port import MINE, Browser, make_node


def ask(dashboard: Dashboard, path: str, accept: str = "") -> tuple[int, dict[str, str], bytes]:
    request = Request(
        {"type": "http", "method": "GET", "path": path, "query_string": b"", "server": ("soc.test", 80),
         "scheme": "http", "headers": [(b"accept-encoding", accept.encode())]}
    )  # fmt: skip
    answer = dashboard.answer(request)
    body = Path(answer.path).read_bytes() if hasattr(answer, "path") else bytes(answer.body)
    return answer.status_code, dict(answer.headers), body


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<html>trang chủ</html>")
    (folder / "assets" / "a-1234.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


def test_dashboard_files(built: Path) -> None:
    dashboard = Dashboard(built)
    status, headers, body = ask(dashboard, "/")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    assert "trang chủ".encode() in body
    status, headers, body = ask(dashboard, "/assets/a-1234.js", "gzip, br")
    assert "immutable" in headers["cache-control"]
    assert gzip.decompress(body) == b"export {}"
    assert ask(dashboard, "/assets/gone.js")[0] == 404
    assert "trang chủ".encode() in ask(dashboard, "/alerts/CB-2026-000001")[2]


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "/link.txt", "//secret.txt", "/%2e%2e/s"]
)
def test_nothing_outside_the_folder(built: Path, path: str) -> None:
    assert b"secret" not in ask(Dashboard(built), path)[2]


def test_a_new_build_is_seen(built: Path) -> None:
    dashboard = Dashboard(built)
    ask(dashboard, "/")
    (built / "assets" / "b-5678.js").write_text("new")
    (built / "index.html").write_text("<html>mới</html>")
    assert ask(dashboard, "/assets/b-5678.js")[0] == 200


def test_without_a_build_it_says_what_to_do() -> None:
    status, _, body = ask(Dashboard(None), "/")
    assert status == 503
    assert b"./soc up" in body


def test_schema_has_every_resource() -> None:
    found = schema()
    assert "/api/v1/alerts/{alert_id}/close" in found["paths"]
    for path, methods in found["paths"].items():
        for operation in methods.values():
            assert operation["tags"], path


def test_problems_speak_both_languages() -> None:
    for code, (status, vi, en) in TEXTS.items():
        assert code.startswith("LT-A0")
        assert 400 <= status < 600
        assert all(text.strip() for text in (*vi, *en))
        assert vi != en


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:8443", ("127.0.0.1", 8443)), ("[::1]:80", ("::1", 80)), (":8443", ("0.0.0.0", 8443))],
)
def test_where_it_listens(text: str, expected: tuple[str, int]) -> None:
    assert listen_at(text, "api.people") == expected


@pytest.mark.parametrize("text", ["8443", "host:", "host:port", "host:70000", "host:-1", "host:８４"])
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.people"):
        listen_at(text, "api.people")


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True),
                                                ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False),
                                                ("soc.gov.vn", False)])  # fmt: skip
def test_plain_http_only_on_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert wants_tls(ApiTable(people=f"{host}:1")) is not loopback


def test_a_missing_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LT-C0111"):
        tls_context(ApiTable(people_certificate=str(tmp_path / "x"), people_key=str(tmp_path / "y")), tmp_path)
    with pytest.raises(ConfigError, match="LT-C0110"):
        tls_context(ApiTable(people_certificate=str(tmp_path / "x")), tmp_path)


def test_two_nodes_of_one_process_share_routes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with make_node(tmp_path / "first", role="national") as first, make_node(tmp_path / "second") as second:
        desks = [(Browser(node).link(node.add_user("lan", ("lead", MINE))), role)
                 for node, role in ((first, "national"), (second, "agency"))]  # fmt: skip
        for browser, role in (*desks, desks[0]):
            assert browser.get("/session")["node"]["role"] == role
            assert browser.raw("GET", "/readyz").status_code == 200
        for browser, _ in desks:
            browser.close()


def test_a_node_that_is_closed_is_let_go(tmp_path: Path) -> None:
    """FastAPI remembers handlers for ever; none of ours may hold the node, its database and its journal."""
    with make_node(tmp_path) as node:
        kept = id(node.runtime)
        browser = Browser(node)
        for path in ("/readyz", "/metrics", "/api/v1/public", "/"):
            browser.raw("GET", path)
        browser.close()
    del node, browser
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Runtime and id(one) == kept]
