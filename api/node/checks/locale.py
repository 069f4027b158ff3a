"""LT-D1104: whether names in Vietnamese survive: a UTF-8 locale."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, note, ok, run
from api.node.checks._machine import Machine


def look(machine: Machine) -> Iterator[Finding]:
    chosen = next((machine.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if machine.environ.get(name)), "")
    plain = chosen.replace("-", "").lower()
    if "utf8" in plain or not chosen or chosen in ("C", "POSIX"):  # Python reads C and POSIX as UTF-8 (PEP 538, 540)
        yield ok(f"{chosen or 'C'} (UTF-8)", f"{chosen or 'C'} (UTF-8)", locale=chosen)
    else:
        yield note("locale", f"{chosen} không phải UTF-8: tên tệp tiếng Việt có thể hỏng",
                   f"{chosen} is not UTF-8: file names in Vietnamese may break",
                   run("sudo localectl set-locale LANG=vi_VN.UTF-8"), run("export LC_ALL=C.UTF-8"),
                   locale=chosen)  # fmt: skip


CHECK = Check(
    "LT-D1104", "machine", Words("Bảng mã", "Locale"),
    Words("Biến LANG/LC_ALL phải là UTF-8 để tên tệp và tiếng Việt không hỏng.",
          "LANG/LC_ALL must be UTF-8, or file names and Vietnamese text break."),
    look,
)  # fmt: skip
