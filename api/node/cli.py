"""`luytre`: the command of whoever runs a node. A file per command in this folder; this one only finds them.

A command's module exports `app`, a typer application; its help starts with examples. Only the module that is asked for
is imported, so that the first word of output does not wait for libraries that it does not need.
Exit codes: `sensors.errors`. Messages go to stderr, data to stdout; NO_COLOR and TERM=dumb are respected by rich.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from sensors.errors import EXIT_INTERRUPTED, EXIT_USAGE, LuytreError, guess

# command → (module, what it does in Vietnamese, in English); the order is the order of help.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("api.node.demo", "diễn tập: một cuộc tấn công, hai đơn vị, một trung tâm", "an exercise on this machine"),
    "up": ("api.node.up", "chạy một nút thật trên máy này", "run a real node on this machine"),
    "init": ("api.node.init", "tạo dữ liệu, khóa và cấu hình của nút", "make a node's data, keys, settings"),
    "doctor": ("api.node.doctor", "khám máy này: sai ở đâu, sửa thế nào", "what is wrong here, and what mends it"),
    "config": ("api.node.config", "kiểm tra, giải thích, so sánh cấu hình", "check, explain, compare settings"),
    "explain": ("api.node.explain", "tra cứu một mã LT-…", "look up a code LT-…"),
    "enrol": ("api.node.enrol", "cấp mã ghi danh; ghi danh máy này với một nút", "enrol sensors and nodes"),
    "selftest": ("api.node.selftest", "gửi một sự kiện thử, theo tới cảnh báo", "a test event, followed to its alert"),
    "notices": ("api.node.notices", "kênh thư báo: tạo, thử, liệt kê", "mail channels: make, try, list"),
    "clocks": ("api.node.clocks", "quy định thời hạn báo cáo: xuất, kiểm tra, nhập", "rules of deadlines as a file"),
    "users": ("api.node.users", "tài khoản, vai trò, liên kết đăng nhập", "accounts, roles, log-in links"),
    "backup": ("api.node.backup", "sao lưu: tạo, kiểm chứng, khóa", "backups: make, prove, keys"),
    "install": ("api.node.install", "cài nút thành dịch vụ systemd", "make the node a systemd service"),
    "uninstall": ("api.node.uninstall", "gỡ những gì đã cài", "take away what was installed"),
    "upgrade": ("api.node.upgrade", "nâng cấp từ gói; không khỏe thì tự quay lại", "upgrade, and back when not well"),
    "bundle": ("api.node.bundle", "gói cài đặt không cần mạng, có chữ ký", "signed offline bundles"),
    "restore": ("api.node.restore", "khôi phục nút từ bản sao lưu", "put a backup back"),
    "inventory": ("api.node.inventory", "nhập, xuất hệ thống và tài sản (CSV)", "systems and assets as CSV"),
    "organisation": ("api.node.organisation", "sổ đơn vị: nhập, xuất, kiểm tra", "a centre's register of units"),
    "rules": ("api.node.rules", "luật phát hiện: thử, soát, nhập, chạy lại trên kho", "rules as code"),
    "indicators": ("api.node.indicators", "chỉ dấu: nhập danh sách, thử, rà soát ngược", "lists of indicators"),
    "torture": (
        "api.node.torture",
        "giết từng tiến trình, đối chiếu từng sự kiện",
        "kill processes, count every event",
    ),
}


def language() -> str:
    spoken = os.environ.get("LUYTRE_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "vi"
    return "en" if spoken.startswith("en") else "vi"


def main(argv: Sequence[str] | None = None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        print(_help())
        raise SystemExit(0)
    if name not in COMMANDS:
        meant = guess(name, COMMANDS)
        text = f"không có lệnh `{name}`" if language() == "vi" else f"no command `{name}`"
        print(text + (f"; luytre {meant}?" if meant else ""), file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    app = importlib.import_module(COMMANDS[name][0]).app
    try:
        app(args=words[1:], prog_name=f"luytre {name}")
    except LuytreError as error:
        print(error.show(language()), file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


def _help() -> str:
    vi = language() == "vi"
    lines = ["luytre demo", "luytre up --data /var/lib/luytre", ""]
    lines += [f"  {name:<12} {words[1] if vi else words[2]}" for name, words in COMMANDS.items()]
    lines += ["", "Xem thêm: luytre LỆNH --help" if vi else "More: luytre COMMAND --help"]
    return "\n".join(lines)
