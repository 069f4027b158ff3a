"""An offline bundle (.ltb) becomes an environment beside the others: standard library only, for it runs before anything
is installed. The same text is the bundle's own `__main__.py`: `python3 luytre-….ltb --prefix /opt/luytre`.

    <prefix>/versions/<id>/     a virtual environment; `.complete` is written last: without it the folder is nothing
    <prefix>/current            a symbolic link to one of them, replaced in one step

In:  a zip of wheels with `manifest.json` (names, sizes, SHA-256) and `manifest.sig`. Out: the environment's folder.
Every file is checked against the manifest before a byte of it is installed; who signed the manifest is for
api/node/keeping/release.py to say (a signature needs a library, which is in here). No pip and no network: a wheel is a
zip with a place for everything (PEP 427), and nothing in it may lie outside its folder.
Bound: FILES files, FILE_BYTES each, of a bundle and of a wheel.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
FILES, FILE_BYTES, MANIFEST_BYTES = 20_000, 512 << 20, 4 << 20
MANIFEST, SIGNATURE, MAIN = "manifest.json", "manifest.sig", "__main__.py"
_STEP = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_+!.@-]+(/[A-Za-z0-9_+!.@ ()\[\]{}~,=#$%&-]+)*", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}", re.ASCII)


class Bad(Exception):
    """The bundle is not what its maker wrote. `name`: where."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def manifest_of(bundle: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, its form checked."""
    try:
        about: dict[str, Any] = json.loads(_small(bundle, MANIFEST))
        if about["format"] != FORMAT or about["name"] != "luytre" or not _ID.fullmatch(about["id"]):
            raise ValueError("another format")
        for name, file in about["files"].items():
            if not _NAME.fullmatch(name) or ".." in name.split("/") or len(file["sha256"]) != 64:
                raise ValueError(name)
            if type(file["bytes"]) is not int:
                raise ValueError(name)
        if len(about["files"]) > FILES:
            raise ValueError("too many files")
        _ = about["version"], about["schema"], about["python"], about["platform"]
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise Bad(MANIFEST, f"not a manifest ({error})") from None
    return about


def check(bundle: zipfile.ZipFile, about: dict[str, Any]) -> None:
    """Every file is there, is what the manifest says, and there is no other."""
    names = [info.filename for info in bundle.infolist()]
    for name in sorted(set(names) - set(about["files"]) - {MANIFEST, SIGNATURE}):
        raise Bad(name, "not in the manifest")
    if len(names) != len(set(names)):
        raise Bad(MANIFEST, "a name twice")
    for name, file in about["files"].items():
        try:
            with bundle.open(name) as opened:
                digest, size = hashlib.sha256(), 0
                while data := opened.read(_STEP):
                    size += len(data)
                    if size > min(file["bytes"], FILE_BYTES):
                        raise Bad(name, "longer than written")
                    digest.update(data)
        except (KeyError, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
            raise Bad(name, str(error)) from None
        if size != file["bytes"] or digest.hexdigest() != file["sha256"]:
            raise Bad(name, "not what was written")


def fits(about: dict[str, Any]) -> str | None:
    """Why this machine cannot run it; None when it can."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if about["python"] != here:
        return f"the bundle is for Python {about['python']}, this is {here}"
    machine = sysconfig.get_platform().rpartition("-")[2]
    if about["platform"] != "any" and not about["platform"].endswith(machine):
        return f"the bundle is for {about['platform']}, this is {machine}"
    return None


def build(path: Path, prefix: Path, more_site: Iterable[Path] = ()) -> Path:
    """The environment of a bundle that was checked; again is nothing. `more_site`: folders of libraries beside it."""
    with zipfile.ZipFile(path) as bundle:
        about = manifest_of(bundle)
        check(bundle, about)
        why = fits(about)
        if why:
            raise Bad(MANIFEST, why)
        target: Path = prefix / "versions" / about["id"]
        if (target / ".complete").exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        import venv

        venv.create(target, with_pip=False, symlinks=True)
        site = target / "lib" / f"python{about['python']}" / "site-packages"
        for name in sorted(about["files"]):
            if name.startswith("wheels/") and name.endswith(".whl"):
                with bundle.open(name) as file, zipfile.ZipFile(file) as wheel:
                    install_wheel(wheel, target, site, name)
        for folder in more_site:
            (site / f"more-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}.pth").write_text(f"{folder}\n")
        with bundle.open(MANIFEST) as file:
            (target / MANIFEST).write_bytes(file.read(MANIFEST_BYTES))
    # Compiled now: whoever runs it may not write here, and would compile at every start.
    subprocess.run([target / "bin" / "python", "-m", "compileall", "-q", "-j", "2", str(site)], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # fmt: skip
    subprocess.run(["sync", "-f", str(target)], check=False)
    (target / ".complete").write_text(about["version"] + "\n", encoding="utf-8")
    _sync(target)
    return target


def install_wheel(wheel: zipfile.ZipFile, target: Path, site: Path, name: str) -> None:
    infos = wheel.infolist()
    if len(infos) > FILES:
        raise Bad(name, "too many files")
    for info in infos:
        if info.is_dir():
            continue
        place = _place(info.filename, target, site)
        if place is None or info.file_size > FILE_BYTES:
            raise Bad(name, f"{info.filename[:100]!r} may not be there")
        place.parent.mkdir(parents=True, exist_ok=True)
        with wheel.open(info) as source, place.open("wb") as out:
            shutil.copyfileobj(source, out, _STEP)
        script = ".data/scripts/" in info.filename
        if script:
            _own_python(place, target)
        place.chmod(0o755 if script or info.external_attr >> 16 & 0o111 else 0o644)
    entry = next((i for i in infos if i.filename.endswith(".dist-info/entry_points.txt")), None)
    if entry is not None:
        told = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        told.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
        told.read_string(wheel.read(entry).decode("utf-8"))
        for script_name, where in told.items("console_scripts") if told.has_section("console_scripts") else ():
            _script(target, script_name, where.partition("[")[0].strip())


def switch(prefix: Path, to: Path) -> None:
    """`current` is now this environment: one rename, durable."""
    fresh = prefix / ".current.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("versions") / to.name)
    fresh.replace(prefix / "current")
    _sync(prefix)


def current(prefix: Path) -> Path | None:
    link = prefix / "current"
    return prefix / "versions" / link.readlink().name if link.is_symlink() else None


def _place(name: str, target: Path, site: Path) -> Path | None:
    """Where a wheel's file goes; None when it may not be anywhere."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\x00" in name:
        return None
    if parts[0].endswith(".data") and len(parts) > 2:
        scheme = {"purelib": site, "platlib": site, "data": target, "scripts": target / "bin",
                  "headers": target / "include"}.get(parts[1])  # fmt: skip
        return scheme.joinpath(*parts[2:]) if scheme else None
    return site.joinpath(*parts)


def _own_python(path: Path, target: Path) -> None:
    data = path.read_bytes()
    if data.startswith(b"#!python"):
        rest = data.partition(b"\n")[2]
        path.write_bytes(b"#!" + os.fsencode(target / "bin" / "python") + b"\n" + rest)


def _script(target: Path, name: str, where: str) -> None:
    module, _, call = where.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or not re.fullmatch(r"[A-Za-z0-9_.]+:[A-Za-z0-9_.]+", where):
        return
    path = target / "bin" / name
    path.write_text(f"#!{target / 'bin' / 'python'}\nimport sys\n\nfrom {module} import {call.partition('.')[0]}\n\n"
                    f"sys.exit({call}())\n", encoding="utf-8")  # fmt: skip
    path.chmod(0o755)


def _small(bundle: zipfile.ZipFile, name: str) -> bytes:
    with bundle.open(name) as file:
        data = file.read(MANIFEST_BYTES + 1)
    if len(data) > MANIFEST_BYTES:
        raise ValueError("too long")
    return data


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> int:
    bundle = Path(sys.argv[0]).resolve()
    parser = argparse.ArgumentParser(prog=bundle.name, description="Lũy Tre: cài đặt không cần mạng / offline install")
    parser.add_argument("--prefix", type=Path, default=Path("/opt/luytre"))
    parser.add_argument("--sha256", help="mã băm của tệp này, như bên phát hành công bố / as its maker published it")
    parser.add_argument("--key", type=Path, help="khóa công khai phát hành / the release key: release.pub")
    wanted = parser.parse_args()
    if wanted.sha256:
        digest = hashlib.sha256()
        with bundle.open("rb") as file:
            while data := file.read(_STEP):
                digest.update(data)
        if digest.hexdigest() != wanted.sha256.strip().lower():
            print("LT-N0530: SHA-256 không khớp / does not match", file=sys.stderr)
            return 1
    try:
        target = build(bundle, wanted.prefix.absolute())
    except (Bad, zipfile.BadZipFile) as error:
        print(f"LT-N0531: gói hỏng hoặc không hợp máy này / damaged, or not for this machine: {error}", file=sys.stderr)
        return 1
    if wanted.key:
        words = [str(target / "bin" / "luytre"), "bundle", "verify", str(bundle), "--key", str(wanted.key)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            shutil.rmtree(target)
            return done.returncode
        shutil.copyfile(wanted.key, wanted.prefix / "release.pub")
    elif not wanted.sha256:
        print("chữ ký chưa được kiểm: dùng --key hoặc --sha256 / not verified: use --key or --sha256", file=sys.stderr)
    if current(wanted.prefix) is None:
        switch(wanted.prefix, target)
    print(target)
    print(f"tiếp theo / next: {wanted.prefix}/current/bin/luytre up --data /var/lib/luytre")
    return 0


if __name__ == "__main__":
    sys.exit(main())
