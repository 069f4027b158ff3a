"""`./soc test`: two lanes at once, every folder in one; what failed is shown in full and named on the last lines."""

from __future__ import annotations

import ast
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def soc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader = SourceFileLoader("soc", str(ROOT / "soc"))
    module = module_from_spec(spec_from_loader("soc", loader))  # type: ignore[arg-type]
    loader.exec_module(module)
    module.LOGS = tmp_path / "logs"  # type: ignore[attr-defined]
    return module


def a_test(folder: Path, name: str, body: str) -> list[str]:
    path = folder / f"test_{name}.py"
    path.write_text(f"import time\nfrom pathlib import Path\nimport pytest\ndef test_it():\n    {body}\n")
    return ["pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", str(folder), "-c", "/dev/null",
            "-ra", str(path)]  # fmt: skip


def test_every_file_with_tests_is_in_one_part(soc: ModuleType) -> None:
    parts = soc.folders()
    assert list(parts) == list(soc.PARTS)
    for path in ROOT.glob("tests/**/test_*.py"):
        name = path.relative_to(ROOT).as_posix()
        holding = [
            part
            for part, words in parts.items()
            if any(name.startswith(word + "/") for word in words)
            and not any(name.startswith(word.removeprefix("--ignore=") + "/") for word in words if "=" in word)
        ]
        assert len(holding) == 1, (name, holding)


def test_two_lanes_run_at_once_and_failures_are_told(
    soc: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each waits for the other's file: one after the other they would never end well.
    met = (
        "Path({mine!r}).touch()\n    end = time.monotonic() + 60\n    while not Path({other!r}).exists():\n"
        "        assert time.monotonic() < end\n        time.sleep(0.05)\n"
    )
    left, right = str(tmp_path / "left"), str(tmp_path / "right")
    parts = [
        soc.Part("left", *a_test(tmp_path, "left", met.format(mine=left, other=right))),
        soc.Part("right", *a_test(tmp_path, "right", met.format(mine=right, other=left) + "    assert 6 * 9 == 42\n")),
        soc.Part("after", *a_test(tmp_path, "after", "pytest.skip('no such server')")),
    ]
    soc.in_lanes(parts, 2)
    assert [part.passed() for part in parts] == [True, False, True]
    whole = capsys.readouterr()
    assert "assert (6 * 9) == 42" in whole.out
    assert "✖ right: 1 failed" in whole.err
    assert not soc.told(parts, 1.0)
    last = capsys.readouterr().out
    assert "no such server" in last
    assert re.search(r"^1 passed, 1 failed, 1 skipped in 1\.00s", last, re.MULTILINE)


def test_a_part_that_never_began_has_failed(soc: ModuleType) -> None:
    assert not soc.told([soc.Part("never", "pytest")], 0.0)


def test_a_bound_of_seconds_on_the_clock_is_quiet_or_wide() -> None:
    """A test that asserts less than five seconds of the wall runs alone (`quiet`): two lanes share the processors."""
    wrong = []
    for path in sorted((ROOT / "tests").glob("*/**/test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            marked = any("quiet" in ast.unparse(mark) for mark in function.decorator_list)
            for found in (node for node in ast.walk(function) if isinstance(node, ast.Assert)):
                bound = re.search(r"(?:time\.(?:monotonic|perf_counter|time)\(\) - \w+|\btook\b) < ([\d.]+)$",
                                  ast.unparse(found.test))  # fmt: skip
                if bound and float(bound[1]) < 5 and not marked:
                    wrong.append(f"{path.relative_to(ROOT)}:{found.lineno} {ast.unparse(found)}")
    assert wrong == []
