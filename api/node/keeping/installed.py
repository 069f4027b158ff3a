"""`luytre install` and `luytre uninstall`: what is put on a machine is written down before it is put, so that exactly
that can be taken away again.

In:  data folder, user, prefix, and a root (a scratch folder in tests: then no user is made and systemd is not asked).
Out: `<root>/etc/luytre/installed.json`: steps, each {kind, path | name, …}; a step is in it before it is done, and only
     what was not there before is ever removed.
Units come from api/node/systemd/, with this machine's prefix, user, configuration; the packet unit alone gets
CAP_NET_RAW. Firewall rules: none are made, so none are removed.
Crash: installing again goes on where it stopped; so does uninstalling.
"""

from __future__ import annotations

import json
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sensors.durable.files import replace
from sensors.errors import ConfigError, LuytreError, Problem

UNITS = Path(__file__).resolve().parents[1] / "systemd"
RECORD = Path("etc/luytre/installed.json")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}", re.ASCII)


class Plan(NamedTuple):
    data: Path
    user: str
    prefix: Path
    root: Path = Path("/")

    def at(self, path: Path | str) -> Path:
        """A path of the machine, under the root."""
        return self.root / str(path).lstrip("/")


def steps(plan: Plan) -> list[dict[str, Any]]:
    """What installing does, in order."""
    if not _USER.fullmatch(plan.user):
        raise ConfigError(Problem("LT-N0550", f"không phải tên người dùng: {plan.user}", f"no user name: {plan.user}"))
    for path in (plan.data, plan.prefix):
        if not path.is_absolute() or any(char in str(path) for char in '\n"\\ %$'):
            vi, en = f"đường dẫn không dùng được trong systemd: {path}", f"no path for systemd: {path}"
            raise ConfigError(Problem("LT-N0551", vi, en))
    found: list[dict[str, Any]] = [{"kind": "user", "name": plan.user}]
    found += [{"kind": "folder", "path": str(path), "mode": mode, "owner": owner}
              for path, mode, owner in ((plan.data, 0o750, plan.user), ("/etc/luytre", 0o755, "root"))]  # fmt: skip
    found += [{"kind": "file", "path": f"/etc/systemd/system/{name}", "text": text} for name, text in units(plan)]
    found.append({"kind": "link", "path": "/usr/local/bin/luytre", "to": str(plan.prefix / "current/bin/luytre")})
    found.append({"kind": "enable", "name": "luytre.target"})
    return found


def units(plan: Plan) -> Iterator[tuple[str, str]]:
    config = plan.data / "luytre.toml"
    for path in sorted(UNITS.glob("luytre*.service")) + sorted(UNITS.glob("luytre*.target")):
        text = path.read_text("utf-8")
        text = text.replace("/opt/luytre/bin/", f"{plan.prefix}/current/bin/")
        text = text.replace("LUYTRE_CONFIG=/etc/luytre/luytre.toml", f"LUYTRE_CONFIG={config}")
        text = re.sub(r"^(User|Group)=luytre$", rf"\1={plan.user}", text, flags=re.MULTILINE)
        if plan.data != Path("/var/lib/luytre"):
            text = re.sub(r"^StateDirectory(Mode)?=.*\n", "", text, flags=re.MULTILINE)
            text = text.replace("ProtectSystem=strict\n", f"ProtectSystem=strict\nReadWritePaths={plan.data}\n")
        yield path.name, text


def install(plan: Plan) -> list[dict[str, Any]]:
    """Does what is missing; what this or an earlier run did."""
    record = _load(plan)
    done: list[dict[str, Any]] = record["steps"]
    for step in steps(plan):
        known = next((one for one in done if _same(one, step)), None)
        if known is None:
            known = {**step, "was_there": _there(plan, step)}
            known.pop("text", None)
            done.append(known)
            _save(plan, record)
        _do(plan, step)
    return done


def uninstall(plan: Plan, *, purge: bool) -> tuple[list[str], list[str]]:
    """(what was removed, what remains). `purge`: with the data and the program."""
    record = _load(plan)
    removed: list[str] = []
    remains: list[str] = []
    for step in reversed(list(record["steps"])):
        told = step.get("path") or step["name"]
        keep = step["was_there"] or (step["kind"] in ("folder", "user") and not purge)
        if step["kind"] == "folder" and step["path"] == "/etc/luytre":
            continue  # last: our own record is in it
        if keep:
            remains.append(told)
            continue
        _undo(plan, step)
        removed.append(told)
        record["steps"].remove(step)
        _save(plan, record)
    prefix = Path(record.get("prefix") or plan.prefix)
    if purge and plan.at(prefix).is_dir():
        shutil.rmtree(plan.at(prefix))
        removed.append(str(prefix))
    elif plan.at(prefix).is_dir():
        remains.append(str(prefix))
    if purge:
        plan.at(RECORD).unlink(missing_ok=True)
        folder = plan.at("/etc/luytre")
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            removed.append("/etc/luytre")
    return removed, remains


def record_of(root: Path) -> dict[str, Any]:
    return _load(Plan(Path("/"), "", Path("/"), root))


# --- inside -------------------------------------------------------------------------------------------------------


def _do(plan: Plan, step: dict[str, Any]) -> None:
    real = plan.root == Path("/")
    match step["kind"]:
        case "user":
            if real and not _there(plan, step):
                _run("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(plan.data), "--shell",
                     "/usr/sbin/nologin", step["name"])  # fmt: skip
        case "folder":
            path = plan.at(step["path"])
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(step["mode"])
            if real and step["owner"] != "root":
                shutil.chown(path, step["owner"], step["owner"])
        case "file":
            path = plan.at(step["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, step["text"].encode())
            path.chmod(0o644)
        case "link":
            path = plan.at(step["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() and not path.is_symlink():
                path.symlink_to(step["to"])
        case "enable":
            if real:
                _run("systemctl", "daemon-reload")
                _run("systemctl", "enable", *(p.name for p in sorted(UNITS.glob("luytre*"))))


def _undo(plan: Plan, step: dict[str, Any]) -> None:
    real = plan.root == Path("/")
    match step["kind"]:
        case "enable":
            if real:
                _run("systemctl", "disable", "--now", *(p.name for p in sorted(UNITS.glob("luytre*"))), may_fail=True)
        case "file" | "link":
            plan.at(step["path"]).unlink(missing_ok=True)
            if real and step["path"].startswith("/etc/systemd/"):
                _run("systemctl", "daemon-reload", may_fail=True)
        case "folder":
            shutil.rmtree(plan.at(step["path"]), ignore_errors=True)
        case "user":
            if real:
                _run("userdel", step["name"], may_fail=True)


def _there(plan: Plan, step: dict[str, Any]) -> bool:
    if step["kind"] == "user":
        if plan.root != Path("/"):
            return False
        try:
            pwd.getpwnam(step["name"])
        except KeyError:
            return False
        return True
    if step["kind"] == "enable":
        return False
    path = plan.at(step["path"])
    return path.exists() or path.is_symlink()


def _same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one["kind"] == two["kind"] and one.get("path", one.get("name")) == two.get("path", two.get("name"))


def _load(plan: Plan) -> dict[str, Any]:
    try:
        found = json.loads(plan.at(RECORD).read_text("utf-8"))
        if isinstance(found, dict) and isinstance(found.get("steps"), list):
            return found
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        raise LuytreError(Problem("LT-N0552", f"{RECORD} không đọc được", f"{RECORD} cannot be read")) from None
    return {"schema_version": 1, "data": str(plan.data), "prefix": str(plan.prefix), "user": plan.user, "steps": []}


def _save(plan: Plan, record: dict[str, Any]) -> None:
    path = plan.at(RECORD)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, json.dumps(record, ensure_ascii=False, indent=1).encode())


def _run(*words: str, may_fail: bool = False) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode and not may_fail:
        said = done.stderr.strip()[-300:]
        raise LuytreError(Problem("LT-N0553", f"{words[0]}: {said}", f"{' '.join(words[:3])}: {said}"))
