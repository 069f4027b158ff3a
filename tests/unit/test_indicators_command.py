"""`luytre indicators`: preview, apply, try, look backwards, remove, on a node that is not running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.indicators.local import FILE
from api.node.cli import main
from api.node.init import default_tables, make_node

Out = pytest.CaptureFixture[str]


def run(capfd: Out, *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["indicators", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    said = capfd.readouterr()
    return code, said.out, said.err


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LUYTRE_LANG", "vi")
    return str(make_node(default_tables(tmp_path / "data", "so-kh-cn", "Sở", "agency")))


def test_a_list_goes_in_is_tried_and_goes(tmp_path: Path, config: str, capfd: Out) -> None:
    file = tmp_path / "cong-van.txt"
    file.write_text("45.6.7.8\nhxxp://evil[.]example/a\n10.0.0.1\n8.8.8.8\n", "utf-8")
    of = ("import", str(file), "--name", "Công văn 123", "--config", config)
    code, out, err = run(capfd, *of)
    assert code == 3
    assert out == "xem trước (list): 2 mới, 1 cần người xác nhận, 1 không nhận\n"
    assert "dòng 3: không nhận: 10.0.0.1" in err
    assert run(capfd, "list", "--config", config)[1].startswith("Chưa có nguồn nào")
    code, out, _ = run(capfd, *of, "--apply", "--yes", "--confidence", "90", "--json")
    assert code == 3
    assert json.loads(out)["counts"] == {"new": 3, "refused": 1, "passed": 0}
    assert "Công văn 123" in run(capfd, "list", "--config", config)[1]
    code, out, _ = run(capfd, "test", "x://45.6.7.8", "--config", config)
    assert code == 1
    code, out, _ = run(capfd, "test", "45.6.7.8", "--config", config)
    assert code == 0
    assert "Công văn 123" in out
    assert "đã gặp 0 lần" in out
    assert run(capfd, "show", "8.8.8.8", "--config", config)[1].startswith("Lưu ý: ")
    code, out, _ = run(capfd, "hunt", "--name", "Công văn 123", "--days", "7", "--config", config)
    assert (code, out) == (0, "Lượt rà soát 1 đã nhận; xem ở màn hình Chỉ dấu.\n")
    assert run(capfd, "remove", "--name", "Công văn 123", "--config", config)[1] == "đã bỏ 3 chỉ dấu\n"
    code, _, err = run(capfd, "remove", "--name", "Công văn 123", "--config", config)
    assert code != 0
    assert "LT-I0203" in err
    assert list((tmp_path / "data" / "run").glob("indicators-*")) == []


@pytest.mark.parametrize("more", [("--tlp", "white"), ("--format", "pdf"), ("--name", "  ")])
def test_what_is_wrong_is_told(tmp_path: Path, config: str, capfd: Out, more: tuple[str, ...]) -> None:
    file = tmp_path / "a.txt"
    file.write_text("45.6.7.8\n", "utf-8")
    code, _, err = run(capfd, "import", str(file), "--name", "x", *more, "--config", config)
    assert code != 0
    assert "LT-I0201" in err
    code, _, err = run(capfd, "import", str(tmp_path / "none"), "--name", "x", "--config", config)
    assert "LT-I0205" in err


@pytest.mark.parametrize("name", ["../keys/audit.head", "indicators-0.list", "/etc/passwd"])
def test_the_port_touches_only_what_the_command_made(name: str) -> None:
    assert not FILE.fullmatch(name)


def test_what_a_file_says_never_moves_the_cursor_and_ends_in_a_next_step(
    tmp_path: Path, config: str, capfd: Out
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"45.6.7.8\n" + b"\x1b[2Jxau\x07\n" * 40)
    code, out, err = run(capfd, "import", str(file), "--name", "x", "--config", config)
    assert code == 3
    assert out.startswith("xem trước (list): 1 mới, 40 ")
    assert "\x1b" not in err
    assert "\x07" not in err
    assert err.count("dòng ") < 40
    assert "--apply" in err
    page = tmp_path / "trang.html"
    page.write_text("<!DOCTYPE html>\n" + "<p>45.6.7.8</p>\n" * 300, "utf-8")
    code, _, err = run(capfd, "import", str(page), "--name", "x", "--config", config)
    assert code == 1
    assert err.startswith("Trang web (HTML)")
    assert err.count("\n") == 1
    code, _, err = run(capfd, "import", str(file), "--name", "x", "--agency", "khong-co", "--config", config)
    assert (code, "LT-I0201" in err) == (1, True)


def test_a_link_is_tried_by_its_host_too(tmp_path: Path, config: str, capfd: Out) -> None:
    file = tmp_path / "a.txt"
    file.write_text("xau.example\n", "utf-8")
    assert run(capfd, "import", str(file), "--name", "x", "--apply", "--config", config)[0] == 0
    code, out, _ = run(capfd, "test", "hxxp://www.xau[.]example/a?b", "--config", config)
    assert (code, "xau.example" in out) == (0, True)
