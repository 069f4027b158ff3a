"""What `luytre up` needs the database and the certificates for, in a process of its own that ends when it is done: the
one that stays and supervises is 20 MB then instead of 90.

python -m api.node.aside make PATH DATA AGENCY NAME ROLE    make what is missing of the node; 78: bad luytre.toml
python -m api.node.aside greet PATH                         say what is listening, and how to come in
"""

from __future__ import annotations

import sys
from pathlib import Path

from api.config import ApiTable
from api.local_port import ask
from api.node import programs
from api.node.check import check
from api.node.cli import language
from api.node.init import FIRST_USER, default_tables, make_node
from api.node.users import act, login_link
from api.runtime import VERSION
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_INTERRUPTED, EXIT_OK, LuytreError


def make(path: str, data: str, agency: str, name: str, role: str) -> None:
    if Path(path).exists():
        check(Config(Path(path), refuse=False))
    if not programs.is_sensor(Path(data)):
        make_node(default_tables(Path(data), agency, name, role), Path(path))


def greet(path: str) -> None:
    config = Config(Path(path))
    table, api = config.table("node", NodeTable), config.table("api", ApiTable)
    running = [program.name.removeprefix("luytre-") for program in programs.of_node(config)]
    print(f"Lũy Tre {VERSION} · {table.name or table.agency} · {config.path}")
    if programs.is_sensor(table.root):
        print(f"  cảm biến của / a sensor of {config.raw.get('ship', {}).get('url', '')}: {', '.join(running)}")
        return
    print(f"  người dùng / people    {api.people}")
    print(f"  cảm biến  / machines   {api.machines} (TLS)")
    print(f"  tiến trình / processes {', '.join(running)}")
    missing = programs.lacking(config)
    if missing:
        print(f"  {missing}")
    for line in _way_in(config):
        print(line)
    machines = (ask(table.root, "machines") or {}).get("machines", [])
    print(f"  máy đã ghi danh        {len(machines)}")
    here, where = Path(sys.executable).parent, f"--config {config.path}"
    print(f"  tiếp theo: {here / 'luytre'} users add TÊN {where}")
    print(f"             {here / 'luytre'} enrol token TÊN-MÁY {where}")
    print(f"             {here / 'luytre-sensor'} selftest {where}")


def _way_in(config: Config) -> list[str]:
    """The first person's link until they have a way in of their own; from then on none: what `up` prints ends up in the
    system's log, and a link is as good as its owner for half an hour."""
    first = next((user for user in act(config, "user-list")["users"] if user["username"] == FIRST_USER), None)
    if first is None or first["disabled"] or first.get("password") or first["second_factor"]:
        return ["  đăng nhập / sign in    luytre users link TÊN"]
    lines = [f"  đăng nhập (30 phút)    {login_link(config, FIRST_USER)}"]
    if config.table("api", ApiTable).second_factor != "none":
        lines.append("  lần đầu / first        đặt mật khẩu và yếu tố xác thực / set a password and a second factor")
    return lines


def main(words: list[str]) -> int:
    try:
        if words[0] == "make":
            make(*words[1:])
        else:
            greet(*words[1:])
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except LuytreError as error:
        print(error.show(language()), file=sys.stderr)
        return error.exit_code
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
