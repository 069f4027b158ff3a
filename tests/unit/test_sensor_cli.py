"""`luytre-sensor`: what the tools print, their exit codes, and what a role starts with."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensors.durable.log import LogReader
from sensors.spool.item import unframe

REPOSITORY = Path(__file__).resolve().parents[2]
NGINX = '203.0.113.9 - - [25/Oct/2026:14:49:33 +0700] "GET /a HTTP/1.1" 200 5 "-" "curl/8"\n'


def sensor(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensors.cli", *words],
        cwd=REPOSITORY, input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_replay_text_plain_and_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "x.log", tmp_path / "x.gz"
    plain.write_text(NGINX * 2, encoding="utf-8")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    done = sensor("replay", str(plain), str(packed))
    assert (done.returncode, done.stderr) == (0, "")
    events = rows(done.stdout)
    assert [event["log"]["file"]["path"] for event in events] == [str(plain)] * 2 + [str(packed)] * 2  # type: ignore[index]
    assert [event["log"]["offset"] for event in events] == [0, len(NGINX)] * 2  # type: ignore[index]
    assert {event["event"]["dataset"] for event in events} == {"nginx.access"}  # type: ignore[index]
    assert len({event["event"]["id"] for event in events}) == 4  # type: ignore[index]
    assert sensor("replay", str(plain), str(packed)).stdout == done.stdout


def test_replay_names_formats_years_and_zones(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    path.write_text("Feb 20 08:35:22 h sshd[1]: Failed password for root from 198.51.100.9 port 2 ssh2\n")
    os.utime(path, (1_772_000_000, 1_772_000_000))  # 2026-02-25
    event = rows(sensor("replay", "--zone", "Asia/Ho_Chi_Minh", str(path)).stdout)[0]
    assert event["@timestamp"] == "2026-02-20T01:35:22Z"
    bare = tmp_path / "bare.log"
    bare.write_text("Failed password for root from 198.51.100.9 port 2 ssh2\n")
    assert "luytre" in rows(sensor("replay", str(bare)).stdout)[0]
    assert rows(sensor("replay", "--format", "system.auth", str(bare)).stdout)[0]["source"]["port"] == 2  # type: ignore[index]
    refused = sensor("replay", "--format", "no.such", str(bare))
    assert refused.returncode == 2
    assert "nginx.access" in refused.stderr


def test_replay_exit_codes(tmp_path: Path) -> None:
    good = tmp_path / "x.log"
    good.write_text(NGINX)
    nothing = sensor("replay", str(tmp_path / "missing"))
    assert nothing.returncode == 1
    assert str(tmp_path / "missing") in nothing.stderr
    assert sensor("replay", str(good), str(tmp_path / "missing")).returncode == 0
    torn = tmp_path / "torn.gz"
    torn.write_bytes(gzip.compress(NGINX.encode() * 1000)[:-20])
    done = sensor("replay", str(torn))
    assert done.returncode == 1
    assert "torn.gz" in done.stderr
    assert "Traceback" not in done.stderr
    (tmp_path / "empty").write_bytes(b"")
    assert sensor("replay", str(tmp_path / "empty")).returncode == 0


def test_a_broken_pipe_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(NGINX * 20_000)
    command = f"{sys.executable} -m sensors.cli replay {path} 2>{tmp_path}/err | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert (tmp_path / "err").read_text() == ""


def test_bench_ends_with_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(NGINX * 100)
    figures = json.loads(sensor("bench", str(path)).stdout.splitlines()[-1])
    assert (figures["lines"], figures["events"], figures["flows"]) == (100, 100, 0)
    assert set(figures) == {"lines", "events", "flows", "cpu_s", "per_s", "rss_mb"}


def test_explain_shows_the_steps() -> None:
    out = sensor("explain", stdin="<190>Oct 11 22:14:15 web nginx: " + NGINX + "\x1b[2Jgì đây\n").stdout
    assert "syslog" in out
    assert "nginx.access" in out
    assert "unparsed" in out
    assert "\x1b" not in out


def config(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "luytre.toml"
    path.write_text(f'[node]\ndata = "{tmp_path}/data"\nobserver = "cam-bien-1"\n{body}', encoding="utf-8")
    return path


def spooled(tmp_path: Path) -> list[dict[str, object]]:
    batch = LogReader(tmp_path / "data" / "spool" / "log").read(None, 1000)
    items = [unframe(item, 0) for _, item in batch.items]
    return [json.loads(item.event_bytes) for item in items if item]


def test_a_role_refuses_a_bad_table(tmp_path: Path) -> None:
    body = '[log]\nsyslog_udp = "nowhere"\nzone = "Sao/Hoa"\nfiles = [{path = "x.log", format = "no.such"}]\n'
    done = sensor("log", "--config", str(config(tmp_path, body)))
    assert done.returncode == 78
    for word in ("syslog_udp", "zone", "format", "path", "nginx.access"):
        assert word in done.stderr
    assert sensor("log", "--config", str(config(tmp_path, "[log]\nflies = 1\n"))).returncode == 78


def test_the_log_role_reads_beats_and_takes_a_selftest(tmp_path: Path) -> None:
    logs = tmp_path / "x.log"
    logs.write_text(NGINX)
    body = f'[log]\nheartbeat_s = 0.3\npoll_s = 0.1\nsyslog_udp = "127.0.0.1:0"\nfiles = [{{path = "{logs}"}}]\n'
    path = config(tmp_path, body)
    process = subprocess.Popen([sys.executable, "-m", "sensors.cli", "log", "--config", str(path)], cwd=REPOSITORY)
    try:
        ends = time.monotonic() + 20
        while time.monotonic() < ends and not (tmp_path / "data" / "run" / "log.json").exists():
            time.sleep(0.05)
        asked = sensor("selftest", "--config", str(path))
        time.sleep(0.5)
        modules = Path(f"/proc/{process.pid}/maps").read_text()
        rss = next(row for row in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmRSS" in row)
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert asked.returncode == 0, asked.stderr
    events = spooled(tmp_path)
    datasets = [event["event"]["dataset"] for event in events]  # type: ignore[index]
    assert {"nginx.access", "luytre.heartbeat", "luytre.selftest"} <= set(datasets)
    test = next(event for event in events if event["event"]["dataset"] == "luytre.selftest")  # type: ignore[index]
    assert test["event"]["id"] == asked.stdout.strip()  # type: ignore[index]
    assert datasets.count("luytre.selftest") == 1
    assert all(event["agent"]["type"] == "log" for event in events)  # type: ignore[index]
    assert "numpy" not in modules
    assert int(rss.split()[1]) < 60 * 1024, rss


def test_a_selftest_without_a_role(tmp_path: Path) -> None:
    done = sensor("selftest", "--wait", "2", "--config", str(config(tmp_path, "")))
    assert done.returncode == 0, done.stderr
    assert [event["event"]["id"] for event in spooled(tmp_path)] == [done.stdout.strip()]  # type: ignore[index]


@pytest.mark.parametrize("word", ["--help", "replay --help"])
def test_help(word: str) -> None:
    assert "luytre-sensor" in sensor(*word.split()).stdout
