"""`luytre inventory`: preview, apply, export and again, on a node that is not running."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.inventory.local import FILE
from api.node.cli import main
from api.node.init import default_tables, make_node


def run(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> tuple[int, bytes, str]:
    code = 0
    try:
        main(["inventory", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    said = capfdbinary.readouterr()
    return code, said.out, said.err.decode()


def test_a_table_goes_in_and_out(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("LUYTRE_LANG", "vi")
    config = str(make_node(default_tables(tmp_path / "data", "so-kh-cn", "Sở", "agency")))
    file = tmp_path / "he-thong.csv"
    file.write_text("Tên hệ thống;Cấp độ\nCổng;4\nThư;7\n", "utf-8")
    code, _, said = run(capfdbinary, "import", "systems", str(file), "--apply", "--config", config)
    assert code == 1
    assert "dòng 3, grade" in said
    file.write_text("Tên hệ thống;Cấp độ\nCổng;4\nThư;3\n", "utf-8")
    assert (
        run(capfdbinary, "import", "systems", str(file), "--config", config)[1].decode().startswith("xem trước: 2 mới")
    )
    applied = run(capfdbinary, "import", "systems", str(file), "--apply", "--config", config)
    assert applied[1].decode().startswith("đã ghi: 2 mới")
    code, table, _ = run(capfdbinary, "export", "systems", "--config", config)
    assert code == 0
    assert table.startswith(b"\xef\xbb\xbfM")
    file.write_bytes(table)
    again = run(capfdbinary, "import", "systems", str(file), "--apply", "--config", config)
    assert "0 mới, 0 thay đổi, 2 giữ nguyên" in again[1].decode()
    assert list((tmp_path / "data" / "run").glob("inventory-*")) == []


@pytest.mark.parametrize(
    "name", ["../keys/audit.head", "inventory-0.csv", "/etc/passwd", "inventory-0123456789abcdef.csv/x"]
)
def test_the_port_touches_only_what_the_command_made(name: str) -> None:
    assert not FILE.fullmatch(name)
