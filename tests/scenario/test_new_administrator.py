"""first_day.md, command by command, on two fresh machines and a mail server: each line it promises must come.

Machines are namespaces (tests/servers/sites.py) with a home of their own and nothing of ours but the commands in PATH;
each window is one bash that lives through the story, so that what a newcomer exports stays. A block

    console MACHINE[:WINDOW] [stays]     "$ " and "> " are typed, the other lines must appear in this order
    mail ADDRESS                         header lines of a mail that has come for it

`…` in a promised line is anything; in a command it is what was printed there before. Every command must end with 0.
The total time is printed; that it is "under ten minutes" is the one bound that this test knows, as a limit to wait.
"""

from __future__ import annotations

import functools
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest
from aiosmtpd.controller import Controller

from tests.servers.post import Post
from tests.servers.sites import Network, Site, environment, eventually, ip

pytestmark = [pytest.mark.root, pytest.mark.slow]
STORY = Path(__file__).with_name("first_day.md")
LIMIT_S = 600.0
MACHINES = {"nut": "192.0.2.10", "web-1": "192.0.2.20", "thu": "192.0.2.25"}
_DONE = "@@done"


class Block(NamedTuple):
    line: int
    words: list[str]
    text: list[str]


class Typed(NamedTuple):
    line: int
    command: str
    promised: list[str]


class Window:
    """One bash at a machine; what it and its commands print, line by line."""

    def __init__(self, site: Site) -> None:
        home = site.folder / "home"
        home.mkdir(exist_ok=True)
        self.site, self.printed = site, list[str]()
        environ = {key: value for key, value in environment(home).items() if key != "LUYTRE_API_SECOND_FACTOR"}
        self._bash = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", site.space, "bash", "--noprofile", "--norc"],
            cwd=home, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._bash.stdout is not None
        for line in self._bash.stdout:
            self._lines.put(line.rstrip("\n"))
        self._bash.stdout.close()

    def type(self, typed: Typed, end: float, *, stays: bool) -> None:
        assert self._bash.stdin is not None
        mark = "" if stays else f"\nprintf '\\n{_DONE} %s\\n' $?"
        self._bash.stdin.write(typed.command + mark + "\n")
        self._bash.stdin.flush()
        left, said = [pattern(one) for one in typed.promised], list[str]()
        where = f"first_day.md:{typed.line}: {typed.command}"
        while left or not stays:
            try:
                line = self._lines.get(timeout=max(0.1, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"{where}\nnot ended in time; printed:\n" + "\n".join(said))
            if line.startswith(_DONE):
                assert line == f"{_DONE} 0", f"{where}\nexit {line[len(_DONE) :]}\n" + "\n".join(said)
                break
            said.append(line)
            if left and left[0].fullmatch(line):
                left.pop(0)
        assert not left, f"{where}\nmissing: {left[0].pattern}\nprinted:\n" + "\n".join(said)
        self.printed += said
        print(f"{self.site.name}$ {typed.command}\n" + "\n".join(said))

    def close(self) -> None:
        """As Ctrl-C and then `exit`."""
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        for pid in ip("netns", "pids", self.site.space, check=False).stdout.split():
            if Path(f"/proc/{pid}/cmdline").exists() and b"luytre\0up" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), 15)
        try:
            self._bash.wait(60)
        except subprocess.TimeoutExpired:
            self._bash.kill()
            self._bash.wait()


def pattern(promised: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, promised.split("…"))))


def blocks() -> Iterator[Block]:
    opened: Block | None = None
    for number, line in enumerate(STORY.read_text("utf-8").splitlines(), 1):
        if line.startswith("```"):
            if opened is not None:
                yield opened
                opened = None
            else:
                opened = Block(number, line[3:].split(), [])
        elif opened is not None:
            opened.text.append(line)


def commands(block: Block) -> list[Typed]:
    found: list[Typed] = []
    for number, line in enumerate(block.text, block.line + 1):
        if line.startswith("$ "):
            found.append(Typed(number, line[2:], []))
        elif line.startswith("> "):
            found[-1] = found[-1]._replace(command=found[-1].command + "\n" + line[2:])
        else:
            found[-1].promised.append(line)
    return found


def filled(typed: Typed, printed: list[str]) -> Typed:
    """The command with each `…` as it was printed: a line of before that begins as the command does, or a path."""
    if "…" not in typed.command:
        return typed
    start = typed.command.partition("…")[0]
    for line in reversed(printed):
        if line.startswith(start):  # a whole command that was printed for us to run
            rest = typed.command.rpartition("…")[2]
            return typed._replace(command=line + rest)
    word = next(word for word in typed.command.split() if "…" in word)
    ends = re.compile(".*" + ".*".join(map(re.escape, word.removeprefix("~").split("…"))))
    path = next(line for line in reversed(printed) if ends.fullmatch(line))
    return typed._replace(command=typed.command.replace(word, path))


def headers(mail: Message, name: str) -> str:
    from email.header import decode_header, make_header

    return re.sub(r"\r?\n\s+", " ", str(make_header(decode_header(str(mail[name])))))


def test_the_first_day_goes_as_it_is_written(tmp_path: Path) -> None:
    begun = time.monotonic()
    post = Post()
    with Network(tmp_path) as network:
        sites = {name: network.site(name, address) for name, address in MACHINES.items()}
        logs = sites["web-1"].folder / "home" / "web"
        logs.mkdir(parents=True)
        (logs / "access.log").touch()
        server = Controller(post, hostname=MACHINES["thu"], port=25, ready_timeout=20)
        sites["thu"].inside(server.start)  # its thread is born in that namespace
        windows: dict[str, Window] = {}
        count = 0
        try:
            for block in blocks():
                if block.words[0] == "console":
                    machine = block.words[1].partition(":")[0]
                    if block.words[1] not in windows:
                        windows[block.words[1]] = Window(sites[machine])
                    window = windows[block.words[1]]
                    for typed in commands(block):
                        printed = [line for one in windows.values() for line in one.printed]
                        window.type(filled(typed, printed), begun + LIMIT_S, stays="stays" in block.words)
                        count += 1
                elif block.words[0] == "mail":
                    letter(post, block)
        finally:
            for window in windows.values():
                window.close()
            sites["thu"].inside(server.stop)
    print(f"{count} commands in {time.monotonic() - begun:.0f} s")
    assert count >= 15


def letter(post: Post, block: Block) -> None:
    wanted = [pattern(line) for line in block.text]

    def come() -> bool:
        return any(
            mail["To"] == block.words[1]
            and all(any(one.fullmatch(f"{name}: {headers(mail, name)}") for name in mail) for one in wanted)
            for mail in post.mails
        )

    seen = "no such mail"
    eventually(come, f"first_day.md:{block.line}: {seen}: {[headers(m, 'Subject') for m in post.mails]}")


@functools.cache
def help_of(*words: str) -> str:
    told = subprocess.run([*words, "--help"], env=environment(Path("/")), capture_output=True, text=True, check=False)
    assert told.returncode == 0, (words, told.stderr)
    return told.stdout


def test_each_command_is_one_that_readme_or_help_teaches() -> None:
    """A newcomer finds every option of the story in README or in the help of the command itself."""
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    for block in blocks():
        for typed in commands(block) if block.words[0] == "console" else []:
            words = typed.command.split()
            options = [word for word in words if word.startswith("--")]
            if words[0] == "luytre" and options:
                verbs = [word for word in words[1:3] if re.fullmatch(r"[a-z]+", word)]
                verbs = verbs if verbs[0] in ("enrol", "backup", "notices", "users", "config") else verbs[:1]
                told = help_of("luytre", *verbs) + readme
                assert not [option for option in options if option not in told], typed.command
