"""Other people's log shippers, unmodified, as real processes: rsyslog with its Elasticsearch output, and syslog-ng.

Each gets a port of loopback to hear syslog on, and delivers to the node's machine port by TLS, with a certificate.
rsyslog is Debian's own; syslog-ng conflicts with it as a package, so its files are unpacked in the cache and run there.
Where one can't run: a skip that says why, and under CI=true a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from api.node.exercise.elasticsearch import cache
from tests.servers.ports import free_port

# With the libraries that a small machine may lack.
SYSLOG_NG = ("syslog-ng-core", "syslog-ng-mod-http", "syslog-ng-scl", "libivykis0", "libnet1", "libpcre3", "libwrap0",
             "libjson-c5", "libglib2.0-0", "libcurl4")  # fmt: skip
START_S = 30.0


class Upstream(NamedTuple):
    """The node's machine port, and what this shipper shows it."""

    port: int
    ca: Path
    certificate: Path
    key: Path


class Shipper(NamedTuple):
    """`port`: where it hears syslog over TCP; `log`: what it says itself."""

    port: int
    log: Path

    def send(self, lines: list[str]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 10) as there:
            there.sendall("".join(f"{line}\n" for line in lines).encode())


def missing(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@contextlib.contextmanager
def rsyslog(folder: Path, to: Upstream) -> Iterator[Shipper]:
    program = shutil.which("rsyslogd") or ("/usr/sbin/rsyslogd" if Path("/usr/sbin/rsyslogd").exists() else None)
    if program is None or not list(Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so")):
        missing("rsyslog and rsyslog-elasticsearch are missing: apt install rsyslog-elasticsearch")
    folder.mkdir(parents=True)
    port = free_port()
    # As rsyslog's manual writes it: a disk-assisted queue, and an id per message, so that a repeat is known again.
    (folder / "rsyslog.conf").write_text(f"""
global(workDirectory="{folder}")
module(load="imtcp") module(load="omelasticsearch")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
template(name="index" type="string" string="logs-rsyslog")
template(name="id" type="string" string="%uuid%")
action(type="omelasticsearch" server="127.0.0.1" serverport="{to.port}" usehttps="on" template="document"
  searchIndex="index" dynSearchIndex="on" searchType="" bulkmode="on" bulkid="id" dynbulkid="on" writeoperation="create"
  retryfailures="on" maxbytes="1m"
  tls.cacert="{to.ca}" tls.mycert="{to.certificate}" tls.myprivkey="{to.key}"
  queue.type="linkedList" queue.filename="out" queue.saveonshutdown="on" queue.dequeuebatchsize="100"
  action.resumeretrycount="-1" action.resumeinterval="1")
""")
    words = [program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")]
    with _running(words, folder, port, {}) as shipper:
        yield shipper


@contextlib.contextmanager
def syslog_ng(folder: Path, to: Upstream) -> Iterator[Shipper]:
    root = _unpacked()
    modules = next(root.glob("usr/lib/syslog-ng/*/libhttp.so")).parent  # named after the version
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "syslog-ng.conf").write_text(f"""
@version: {modules.name}
@define scl-root "{root}/usr/share/syslog-ng/include/scl"
@include "{root}/usr/share/syslog-ng/include/scl/elasticsearch/*.conf"
options {{ keep-hostname(yes); use-dns(no); time-reopen(1); }};
source s {{ network(ip("127.0.0.1") port({port}) transport("tcp")); }};
destination d {{ elasticsearch-http(
  url("https://127.0.0.1:{to.port}/_bulk") index("logs-syslog-ng") type("") workers(1) batch-lines(100)
  batch-timeout(200) custom_id("${{UNIQID}}") retries(100)
  disk-buffer(reliable(yes) mem-buf-size(1048576) disk-buf-size(104857600) dir("{folder}"))
  tls(ca-file("{to.ca}") cert-file("{to.certificate}") key-file("{to.key}") peer-verify(yes))
  template("$(format-json --scope rfc5424 --exclude DATE --key ISODATE @timestamp=${{ISODATE}} message=${{MSG}})")
); }};
log {{ source(s); destination(d); flags(flow-control); }};
""")
    libraries = [str(modules.parent), *(str(path) for path in root.glob("**/lib/*-linux-gnu"))]
    words = [
        str(root / "usr/sbin/syslog-ng"), "-F", "-f", str(folder / "syslog-ng.conf"), "-R", str(folder / "persist"),
        "-p", str(folder / "pid"), "-c", str(folder / "control"), f"--module-path={modules}", "--no-caps", "-e",
    ]  # fmt: skip
    with _running(words, folder, port, {"LD_LIBRARY_PATH": ":".join(libraries)}) as shipper:
        yield shipper


def _unpacked() -> Path:
    """syslog-ng's files, fetched once from Debian's archive and unpacked beside the other caches."""
    root = cache() / "syslog-ng"
    if (root / "usr/sbin/syslog-ng").exists():
        return root
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        missing("syslog-ng is fetched by apt-get, which is missing")
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "syslog-ng.lock").open("w") as lock, tempfile.TemporaryDirectory(dir=cache()) as temporary:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            found = subprocess.run(["apt-get", "download", *SYSLOG_NG], cwd=temporary, capture_output=True, text=True,
                                   check=False)  # fmt: skip
            if found.returncode:
                missing(f"apt-get download failed: {found.stderr[-300:]}")
            for package in Path(temporary).glob("*.deb"):
                subprocess.run(["dpkg", "-x", str(package), str(Path(temporary) / "root")], check=True)
            (Path(temporary) / "root").rename(root)
    return root


@contextlib.contextmanager
def _running(words: list[str], folder: Path, port: int, environment: dict[str, str]) -> Iterator[Shipper]:
    log = folder / "out.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            words, env=os.environ | environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{words[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield Shipper(port, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
