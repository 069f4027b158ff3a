"""What READMEs say is there: commands with their options, functions of the way of an event, links and paths."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_ELSEWHERE = {".venv", "node_modules", "dist", ".pytest_cache", ".git"}
READMES = sorted(path for path in ROOT.rglob("README.md") if not _ELSEWHERE & set(path.relative_to(ROOT).parts))
_PROGRAM = re.compile(r"(?:^|\s)((?:\./soc|luytre(?:-sensor|-correlator)?) [a-z][^`#|]*)")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"(?:sensors|correlator|api|rules|dashboards|tests|\.ci)/[A-Za-z0-9_./-]+")
_TO_WRITE = re.compile(
    r"\b(add|adding|write|exports)\b", re.IGNORECASE
)  # such a line shows a file that is not there yet
HANDED_ON = ("demo", "up", "torture")  # words of ./soc that are words of luytre


def fences(text: str) -> Iterator[str]:
    for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()


def commands() -> Iterator[tuple[str, str]]:
    """(README, command line) of each one that is named."""
    for path in READMES:
        text = path.read_text("utf-8")
        seen = set()
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        for place in (*_SPAN.findall(prose), *fences(text)):
            for found in _PROGRAM.findall(place):
                line = found.strip().rstrip(".,;:")
                if line not in seen:
                    seen.add(line)
                    yield path.relative_to(ROOT).as_posix(), line


def words_of(line: str) -> tuple[str, list[str], list[str]]:
    """Program, its command words, the options that are named."""
    program, *rest = shlex.split(line.replace("[", " ").replace("]", " "))
    names = []
    for word in rest:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        names.append(word)
    return program, names, [word.partition("=")[0] for word in rest if word.startswith("--")]


def helped(main: Callable[[list[str]], Any], words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    said = capsys.readouterr()
    assert ended.value.code in (0, None), f"{words}: {said.err[-500:]}"
    return said.out


@pytest.mark.parametrize(("readme", "line"), list(commands()), ids=lambda text: text)
def test_commands_parse(
    readme: str, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    program, names, options = words_of(line)
    if program == "./soc":
        assert f'"{names[0]}"' in (ROOT / "soc").read_text("utf-8"), f"./soc has no {names[0]}"
        if names[0] == "bench":
            program, names = "bench", []
        elif names[0] in HANDED_ON:
            program = "luytre"
    main = {"luytre": "api.node.cli", "luytre-sensor": "sensors.cli", "luytre-correlator": "correlator.cli",
            "bench": "tests.bench.__main__"}.get(program)  # fmt: skip
    if main is None:
        assert not options, f"{line}: {options}"
        return
    module = importlib.import_module(main)
    if program == "luytre":
        assert names[0] in module.COMMANDS, f"no luytre {names[0]}"
    text = helped(module.main, names, capsys)
    for option in options:
        assert option in text, f"{line}: no {option}"


def way() -> list[str]:
    text = (ROOT / "README.md").read_text("utf-8").partition("## The way of an event")[2].partition("\n## ")[0]
    return [line.split()[0] for line in fences(text) if line.strip()]


def test_the_way_is_told() -> None:
    assert len(way()) > 8


@pytest.mark.parametrize("step", way())
def test_each_step_of_the_way_is_a_function(step: str) -> None:
    module, _, name = step.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)
    assert found.__doc__ or found.__module__ == module, f"{step} lives in {found.__module__}"


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    links = [link.partition("#")[0] for link in _LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    missing = [link for link in links if not (path.parent / link).exists()]
    spans = [span for line in text.splitlines() if not _TO_WRITE.search(line) for span in _SPAN.findall(line)]
    paths = [span for span in spans if _PATH.fullmatch(span)]
    missing += [name for name in paths if not ((ROOT / name).exists() or (path.parent / name).exists())]
    assert not missing


def test_main_folders_say_what_lives_in_them() -> None:
    for folder in ("sensors/formats", "sensors/protocols", "sensors/probes", "correlator", "correlator/engine",
                   "correlator/detectors", "rules", "api/resources", "dashboards", "tests/bench"):  # fmt: skip
        assert (ROOT / folder / "README.md").is_file(), f"{folder} has no README.md"


def test_figures_name_their_command() -> None:
    figures = (ROOT / "README.md").read_text("utf-8").partition("## Figures")[2].partition("\n## ")[0]
    assert "./soc bench" in figures
