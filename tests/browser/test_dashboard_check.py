"""`npm run check`: types against the server's own OpenAPI, the dashboard's unit tests, no word missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "dashboards"


@pytest.mark.slow
def test_check() -> None:
    npm = shutil.which("npm")
    if npm is None or not (HERE / "node_modules").is_dir():
        reason = "no npm, or dashboards/node_modules is missing (cd dashboards && npm ci)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [npm, "run", "--silent", "check"], cwd=HERE, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"LUYTRE_PYTHON": sys.executable, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (HERE / "package-lock.json").read_text(encoding="utf-8")


# An address in a source is one of these three, whole: the name of SVG's vocabulary, the form that a field asks for, and
# an example that a person reads, at a host that stands for no real one (RFC 2606 section 2, and its like under gov.vn).
ADDRESS = re.compile(
    r"""(?:https?|wss?|ftp):(?:\\?/){2}[^\s"'`<>\\)]*|(?<=["'`(=])//[\w.-]+\.\w[^\s"'`]*""", re.IGNORECASE
)
VOCABULARY = '"http://www.w3.org/2000/svg"'
FORM = 'pattern="https://.*"'
EXAMPLE = re.compile(r"https://(?:[a-z0-9-]+\.)*(?:example|example\.gov\.vn)/[a-z0-9/-]*")
# What would fetch or follow an address that stands right behind it.
REACHES = re.compile(
    r"""(?:\b(?:src|srcset|href|action|poster|ping|import|from)\s*[=:]?|@import|\b(?:url|fetch|open|assign|replace|import"""
    r"""|sendBeacon|WebSocket|EventSource|Worker|Request|URL|get|send|call)\s*\()\s*[({]*\s*["'`]?$""",
    re.IGNORECASE,
)


def outside(text: str) -> list[str]:
    """The addresses of a source that are not shown text only."""
    text = text.replace(VOCABULARY, '""').replace(FORM, "")
    return [
        found.group()
        for found in ADDRESS.finditer(text)
        if not EXAMPLE.fullmatch(found.group()) or REACHES.search(text[max(0, found.start() - 60) : found.start()])
    ]


def test_sources_reach_for_nothing_outside() -> None:
    for path in (*HERE.glob("src/**/*.ts*"), *HERE.glob("src/**/*.css"), HERE / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert "dangerouslySetInnerHTML" not in text, path
        assert "innerHTML" not in text, path
        assert outside(text) == [], path


@pytest.mark.parametrize(
    "source",
    [
        'fetch("https://dichvucong.example/")',
        "fetch(`https://dichvucong.example.gov.vn/api`)",
        '<img src="https://anh.example/a" />',
        '<a href={"https://dichvucong.example/"}>',
        "background: url(https://anh.example/a)",
        '@import "https://font.example/a"',
        'new WebSocket("wss://so.example/")',
        'text = "https://fonts.example.com/a"',
        'text = "https://dichvucong.gov.vn/"',
        'text = "https://example.gov.vn.evil.net/"',
        'text = "http://www.w3.org/2000/svg/more"',
        'src="//cdn.example.com/a.js"',
        'text = "HTTPS://CDN.EXAMPLE.COM/"',
    ],
)
def test_an_address_that_could_be_asked_is_found(source: str) -> None:
    assert outside(source) != []


@pytest.mark.parametrize(
    "source",
    [
        'xmlns="http://www.w3.org/2000/svg"',
        '<input type="url" pattern="https://.*" />',
        'const SHOWN = `kind = "http", target = "https://dichvucong.example.gov.vn/",`;',
        'get("/api/v1/alerts") // a remark',
    ],
)
def test_text_that_is_shown_is_none(source: str) -> None:
    assert outside(source) == []
