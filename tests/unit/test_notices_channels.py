"""Channels against real servers: what leaves, how it is secured, what a failure becomes. Nothing but loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.jobs import notices as job
from api.notices.channels import Egress, Message, Refused, all_kinds
from api.notices.outbox import GIVE_UP_S, Outbox
from api.notices.tell import tell
from api.notices.vault import Vault
from api.notices.work import work_of
from api.outward import Forbidden, Guard
from tests.servers.people_port import MINE, Browser, NodeUnderTest, make_node
from tests.servers.post import PASSWORD, USER, Authority, Hook, Post, smtp_server, web_server

SECRET = "khóa-ký-của-phép-thử-1"
BOMB = "203.0.113.66 evil.example\r\nBcc: x@evil.example"
MESSAGE = Message(
    uid="11111111-2222-4333-8444-555555555555", at=1_795_000_000.0, level="high", agency="Sở Thông tin",
    agency_code=MINE, kind="alert", ref="CB-2026-000001", count=1, title=None, link="https://soc.vn/#/alerts/CB-1",
    language="vi", subject="[Lũy Tre] Cảnh báo CB-2026-000001 – mức cao – Sở Thông tin", text="Đơn vị: Sở\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def post(authority: Authority) -> Iterator[Post]:
    with smtp_server(authority) as made:
        yield made


@pytest.fixture
def hook(authority: Authority) -> Iterator[Hook]:
    with web_server(authority) as made:
        yield made


def egress(authority: Authority | None = None, *hosts: str) -> Egress:
    return Egress(Guard(hosts or ("127.0.0.1", "localhost")), authority.ca if authority else None, 1_795_000_100.0, 5.0)


def mail_to(post: Post, **more: Any) -> dict[str, Any]:
    return {"host": "localhost", "port": post.port, "tls": "starttls", "sender": "soc@so.example.vn",
            "to": ["truc@so.example.vn"], "user": USER} | more  # fmt: skip


MAIL, WEBHOOK, APPRISE = (all_kinds()[name] for name in ("mail", "webhook", "apprise"))


# --- mail -----------------------------------------------------------------------------------------------------------


def test_mail_goes_by_starttls_and_auth_with_a_stable_id(post: Post, authority: Authority) -> None:
    receipt = MAIL.send(MESSAGE, mail_to(post), PASSWORD, egress(authority))
    [mail] = post.mails
    assert receipt.startswith("250 2.0.0 Ok")
    assert (mail["Message-ID"], mail["To"], mail["Auto-Submitted"]) == (
        f"<{MESSAGE.uid}@so.example.vn>", "truc@so.example.vn", "auto-generated",
    )  # fmt: skip
    assert post.users == [USER]


def test_mail_is_not_sent_to_a_server_that_nobody_vouches_for(post: Post) -> None:
    with pytest.raises(OSError, match="certificate verify failed"):
        MAIL.send(MESSAGE, mail_to(post), PASSWORD, egress())
    assert (post.mails, post.users) == ([], [])


def test_mail_never_goes_on_in_the_clear() -> None:
    with smtp_server(None) as plain:
        with pytest.raises(Refused) as refused:
            MAIL.send(MESSAGE, mail_to(plain), PASSWORD, egress())
        assert refused.value.permanent
        assert plain.mails == []


def test_a_wrong_password_and_a_refused_recipient_are_final(post: Post, authority: Authority) -> None:
    with pytest.raises(Refused, match="535") as refused:
        MAIL.send(MESSAGE, mail_to(post), "sai", egress(authority))
    assert refused.value.permanent
    post.refuse = "550 no such user"
    with pytest.raises(Refused, match="550") as refused:
        MAIL.send(MESSAGE, mail_to(post), PASSWORD, egress(authority))
    assert refused.value.permanent
    post.refuse = "451 later"
    with pytest.raises(Refused, match="451") as refused:
        MAIL.send(MESSAGE, mail_to(post), PASSWORD, egress(authority))
    assert not refused.value.permanent


@pytest.mark.parametrize("field", ["sender", "to", "host", "user"])
@pytest.mark.parametrize("text", ["a@b\r\nBcc: x@y", "a b@c", "http://x", "a@\n"])
def test_no_header_or_command_gets_in_by_the_settings(field: str, text: str) -> None:
    settings = {"host": "mail.example.vn", "sender": "a@b.vn", field: [text] if field == "to" else text}
    if field == "user" and "\n" not in text:
        return
    with pytest.raises(ValueError, match=field):
        MAIL.settings.model_validate(settings)


# --- webhook --------------------------------------------------------------------------------------------------------


def url(hook: Hook, path: str = "/nhan?x=1") -> dict[str, Any]:
    return {"url": f"https://localhost:{hook.port}{path}"}


def test_a_webhook_is_signed_and_says_little(hook: Hook, authority: Authority) -> None:
    assert WEBHOOK.send(MESSAGE, url(hook), SECRET, egress(authority)) == "HTTP 204"
    [(path, headers, body)] = hook.asked
    stamp = headers["x-luytre-timestamp"]
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert (path, stamp, headers["x-luytre-signature"]) == ("/nhan?x=1", "1795000100", f"v1={signed}")
    assert headers["idempotency-key"] == MESSAGE.uid
    assert set(json.loads(body)) == {"id", "at", "kind", "level", "agency", "ref", "count", "link"}


def test_a_webhook_does_not_follow_redirects(hook: Hook, authority: Authority) -> None:
    hook.answers = [(302, {"Location": f"https://localhost:{hook.port}/elsewhere"})]
    with pytest.raises(Refused, match="302") as refused:
        WEBHOOK.send(MESSAGE, url(hook), SECRET, egress(authority))
    assert refused.value.permanent
    assert len(hook.asked) == 1


def test_a_webhook_waits_as_long_as_it_is_asked_to(hook: Hook, authority: Authority) -> None:
    hook.answers = [(503, {"Retry-After": "120"})]
    with pytest.raises(Refused) as refused:
        WEBHOOK.send(MESSAGE, url(hook), SECRET, egress(authority))
    assert (refused.value.permanent, refused.value.retry_after_s) == (False, 120.0)


def test_a_webhook_needs_a_certificate_that_is_vouched_for(hook: Hook) -> None:
    with pytest.raises(OSError, match="certificate"):
        WEBHOOK.send(MESSAGE, url(hook), SECRET, egress())


@pytest.mark.parametrize(
    "text", ["http://x/", "https://u:p@x/", "https:///x", "https://x/\r\nA: b", "ftp://x", "https://x:99999/"]
)
def test_what_is_no_webhook_address(text: str) -> None:
    with pytest.raises(ValueError, match="url"):
        WEBHOOK.settings.model_validate({"url": text})


# --- Apprise --------------------------------------------------------------------------------------------------------


def test_apprise_reaches_a_service_from_its_child() -> None:
    with web_server(None) as hook:
        address = f"json://127.0.0.1:{hook.port}/sms/{{phone}}"
        APPRISE.send(replace(MESSAGE, to="+84912345678"), {}, address, egress())
        [(path, _, body)] = hook.asked
    assert path == "/sms/+84912345678"
    assert json.loads(body)["title"] == MESSAGE.subject


def test_apprise_goes_nowhere_that_the_guard_forbids() -> None:
    with web_server(None) as hook:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            with pytest.raises(Refused, match=r"may not connect|wrong or unknown") as refused:
                APPRISE.send(MESSAGE, {}, f"json://{host}:{hook.port}/", egress(None, "192.0.2.1"))
            assert refused.value.permanent
        assert hook.asked == []


def test_apprise_follows_no_redirect_and_takes_no_local_service() -> None:
    with web_server(None) as hook:
        hook.answers = [(302, {"Location": f"http://127.0.0.1:{hook.port}/elsewhere"})]
        with pytest.raises(Refused):
            APPRISE.send(MESSAGE, {}, f"json://127.0.0.1:{hook.port}/", egress())
        assert len(hook.asked) == 1
    for address in ("syslog://", "dbus://x", "nonsense", "x\n://y"):
        with pytest.raises(ValueError, match="secret"):
            APPRISE.check({}, address)


# --- the guard ------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2002:a9fe:a9fe::", "2001:0:7f00:1::", "2001:db8::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_reached(address: str) -> None:
    guard = Guard(resolve=lambda host, port: [address])
    with pytest.raises(Forbidden):
        guard.connect("name.example", 443, 0.1)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are(address: str) -> None:
    assert Guard().judge("x", address) is None


def test_what_the_operator_allows_and_no_more() -> None:
    guard = Guard(("mail.so.vn", "10.1.0.0/16"))
    assert guard.judge("MAIL.so.vn.", "192.168.1.1") is None
    assert guard.judge("x", "10.1.2.3") is None
    assert guard.judge("x", "10.2.0.1")
    assert guard.judge("mail.so.vn", "169.254.169.254"), "metadata: only when its network itself is named"
    assert Guard(("169.254.0.0/16",)).judge("x", "169.254.169.254") is None


def test_a_name_is_asked_once_and_one_bad_address_spoils_it() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8", "127.0.0.1"]

    with pytest.raises(Forbidden):
        Guard(resolve=resolve).connect("rebind.example", 443, 0.1)
    assert asked == ["rebind.example"]


# --- secrets --------------------------------------------------------------------------------------------------------


def test_secrets_open_only_for_their_channel(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    sealed = vault.seal(1, PASSWORD)
    assert PASSWORD not in sealed
    assert vault.open(1, sealed) == PASSWORD
    assert (tmp_path / "keys" / "notices.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Exception, match="cannot be opened"):
        vault.open(2, sealed)


@pytest.mark.parametrize("name", ["../keys/ca.key", "/etc/passwd", "", ".hidden", "a/b"])
def test_a_secret_file_is_named_never_reached(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="secrets"):
        Vault(tmp_path).seal(1, f"file:{name}")


def test_a_secret_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "smtp").write_text(PASSWORD + "\n", "utf-8")
    (tmp_path / "secrets" / "link").symlink_to("/etc/passwd")
    vault = Vault(tmp_path)
    assert vault.open(1, vault.seal(1, "file:smtp")) == PASSWORD
    with pytest.raises(Exception, match="cannot be opened"):
        vault.open(1, "file:link")


# --- the outbox -----------------------------------------------------------------------------------------------------


class At:
    """A lead at the screen of a node that may reach loopback, and its outbox run by hand."""

    def __init__(self, node: NodeUnderTest) -> None:
        self.node, self.browser = node, Browser(node).link(node.add_user("lead", ("lead", MINE)))
        work_of(node.runtime).outbox = self.outbox = self.new()

    def new(self) -> Outbox:
        return Outbox(self.node.runtime, chance=random.Random(1), run=lambda work: work())

    def channel(self, kind: str, settings: dict[str, Any], secret: str, **more: Any) -> int:
        body = {"agency": MINE, "name": f"Kênh {kind}", "kind": kind, "settings": settings, "secret": secret} | more
        return int(self.browser.post("/notices/channels", body)["id"])

    def tell(self, key: str = "k", **more: Any) -> None:
        with self.node.runtime.db.write() as session:
            given: dict[str, Any] = {"kind": "alert", "ref": "CB-1", "level": "high", "link": "#/alerts/CB-1",
                                     "title": {"vi": BOMB, "en": BOMB}} | more  # fmt: skip
            tell(session, key=key, agency=MINE, now=self.node.clock.now(), **given)

    def run(self) -> list[dict[str, Any]]:
        job.run(self.node.runtime)
        return list(self.browser.get("/notices/deliveries")["items"])


@pytest.fixture
def at(tmp_path: Path, authority: Authority) -> Iterator[At]:
    more = f'[notices]\nlocal_hosts = ["localhost", "127.0.0.1"]\nca = "{authority.ca}"\n'
    with make_node(tmp_path, more=more) as node:
        node.runtime.api = msgspec.structs.replace(node.runtime.api, public_url="https://soc.so.vn")
        yield At(node)


def test_a_matter_goes_out_link_only(at: At, post: Post) -> None:
    channel = at.channel("mail", mail_to(post), PASSWORD)
    at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel})
    at.tell()
    [row] = at.run()
    assert (row["state"], row["attempts"], row["receipt"][:3]) == ("sent", 1, "250")
    [mail] = post.mails
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    assert "https://soc.so.vn/#/alerts/CB-1" in text
    assert "evil" not in text + str(mail["Subject"])
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    ("titles", "marked", "carried"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_title_only_where_it_may(at: At, hook: Hook, titles: bool, marked: bool, carried: bool) -> None:
    channel = at.channel("webhook", url(hook), SECRET, titles=titles)
    at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel})
    at.tell(marked=marked)
    at.run()
    [body] = hook.bodies()
    assert ("title" in body) is carried
    assert "\r" not in body.get("title", "")


def test_a_failed_try_waits_and_goes_out_under_the_same_id(at: At, hook: Hook) -> None:
    channel = at.channel("webhook", url(hook), SECRET)
    at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel})
    hook.answers = [(503, {}), (500, {})]
    at.tell()
    [row] = at.run()
    assert (row["state"], row["error"]["en"]) == ("waiting", "The receiver answered HTTP 503.")
    for _ in range(2):
        at.run()
        at.node.clock.move(60)
        at.run()
    [row] = at.run()
    assert (row["state"], row["attempts"]) == ("sent", 3)
    assert len({headers["idempotency-key"] for _, headers, _ in hook.asked}) == 1


def test_after_a_crash_between_send_and_commit_the_same_id_goes_again(
    at: At, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = at.channel("webhook", url(hook), SECRET)
    at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel})
    at.tell()

    def dies(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "_settle", dies)
        at.run()
        at.run()
    assert len(hook.asked) == 1, "no tight circle of duplicates"
    work_of(at.node.runtime).outbox = at.new()  # the next process
    [row] = at.run()
    assert row["state"] == "sent"
    assert [headers["idempotency-key"] for _, headers, _ in hook.asked] == [row["uid"]] * 2


def test_given_up_after_a_day_and_told_over_another_channel(at: At, hook: Hook, post: Post) -> None:
    broken = at.channel("webhook", {"url": "https://localhost:1/"}, SECRET)
    other = at.channel("mail", mail_to(post), PASSWORD)
    for channel in (broken, other):
        at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel, "window_s": 60})
    at.tell()
    for _ in range(20):
        at.node.clock.move(7200)
        at.browser = Browser(at.node).link(1)
        [row] = [row for row in at.run() if row["channel_id"] == broken]
        if row["state"] == "given_up":
            break
        assert row["attempts"] < 2 * GIVE_UP_S / 600
    assert row["error"]["vi"].startswith("Không kết nối được")
    refs = {item["ref"] for item in at.run() if item["channel_id"] == other}
    assert refs >= {"CB-1", f"channel:{broken}"}
    [shown] = [one for one in at.browser.get("/notices/channels")["items"] if one["id"] == broken]
    assert shown["fails"] >= 3


def test_the_test_button_s_delivery_tells_how_it_went(at: At, post: Post) -> None:
    channel = at.channel("mail", mail_to(post), PASSWORD)
    sending = at.browser.post(f"/notices/channels/{channel}/test")["sending_id"]
    at.run()
    row = at.browser.get(f"/notices/deliveries/{sending}")
    assert (row["state"], row["why"], row["kind"]) == ("sent", "test", "test")
    bad = at.channel("mail", mail_to(post, port=1), PASSWORD)
    sending = at.browser.post(f"/notices/channels/{bad}/test")["sending_id"]
    at.run()
    assert at.browser.get(f"/notices/deliveries/{sending}")["state"] == "given_up"


def test_a_secret_never_comes_back_and_does_not_move_with_its_host(at: At, post: Post) -> None:
    channel = at.channel("mail", mail_to(post), PASSWORD)
    with at.node.runtime.db.read() as session:
        everything = "".join(
            str(row) for table in ("notice_channel", "audit_entry")
            for row in session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()
        )  # fmt: skip
    assert PASSWORD not in everything
    assert PASSWORD not in json.dumps(at.browser.get("/notices/channels"), ensure_ascii=False)
    body = {"agency": MINE, "name": "x", "kind": "mail", "settings": mail_to(post, host="evil.example")}
    answer = at.browser.send("PUT", f"/notices/channels/{channel}", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "secret")
    assert at.browser.send("PUT", f"/notices/channels/{channel}", body | {"settings": mail_to(post)}).status_code == 200
    assert at.run() == []


def test_a_channel_that_hangs_holds_up_only_itself(at: At, hook: Hook) -> None:
    waiting: list[Callable[[], None]] = []
    outbox = Outbox(at.node.runtime, run=waiting.append)
    work_of(at.node.runtime).outbox = outbox
    for number in range(2):
        channel = at.channel("webhook", url(hook), SECRET, name=f"k{number}")
        at.browser.post("/notices/routes", {"agency": MINE, "channel_id": channel, "window_s": 60})
    at.tell("a")
    at.run()
    at.node.clock.move(61)
    at.tell("b")
    at.run()
    assert len(waiting) == 2, "one try a channel"
    waiting[1]()
    at.run()
    assert len(waiting) == 3
