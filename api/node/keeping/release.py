"""Offline bundles: made, signed, verified. What is in one and how it is installed: environment.py.

In:  this source tree, a folder of locked wheels, the release's Ed25519 key. Out: `luytre-<version>-….ltb`.
The same inputs give the same bytes: names in order, one date, no compression (wheels are compressed).
Trust: the node pins a public key (`<prefix>/release.pub`, put there by whoever installed it); the signature covers the
manifest, the manifest every file. A bundle that another key signed is refused, whatever it says of itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.node.keeping import environment
from api.node.keeping.environment import MAIN, MANIFEST, SIGNATURE, Bad
from api.node.keeping.locked import for_running
from sensors.errors import ConfigError, Damaged, LuytreError, Place, Problem

ROOT = Path(__file__).resolve().parents[3]  # the source tree, when there is one
PUBLIC, SECRET = "luytre-release-public-1 ", "luytre-release-secret-1 "
PLATFORM = "manylinux_2_28_x86_64"
UPGRADES_FROM = "0.1.0"  # the release before this one: the scenario of upgrades starts there, and so may a node
_DATE = (2020, 1, 1, 0, 0, 0)
_CONTEXT = b"luytre bundle 1\n"
_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17", "manylinux2014",
         "manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1")  # fmt: skip
_RAW = serialization.Encoding.Raw


def new_pair() -> tuple[str, str]:
    made = Ed25519PrivateKey.generate()
    secret = made.private_bytes(_RAW, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return PUBLIC + _public(made).hex(), SECRET + secret.hex()


def read_secret(path: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_line(path, SECRET))


def read_public(path: Path) -> bytes:
    return _line(path, PUBLIC)


def build_wheel(into: Path, root: Path = ROOT) -> Path:
    """Our own wheel with rules and the built dashboard."""
    into.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into.absolute())], root, environ)
    return max(into.glob("luytre-*.whl"), key=lambda path: path.stat().st_mtime)


def download(into: Path, root: Path = ROOT, platform: str = PLATFORM, python: str = "") -> list[Path]:
    """The locked wheels of what runs, hashes checked; this asks the package index that pip is set up for."""
    into.mkdir(parents=True, exist_ok=True)
    lock = into / "requirements.txt"
    lock.write_text(for_running((root / "requirements.lock").read_text("utf-8")), "utf-8")
    machine = platform.removeprefix("manylinux_").partition("_")[2].partition("_")[2]
    tags = [word for tag in _TAGS for word in ("--platform", f"{tag}_{machine}")]
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    abi = "cp" + python.replace(".", "")
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        pip = ["pip"]  # an environment that uv made has none of its own
    _run([*pip, "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary",
          ":all:", *tags, "--platform", "any", "--python-version", python, "--implementation", "cp", "--abi", abi,
          "--abi", "abi3", "--abi", "none", "-r", str(lock), "-d", str(into)], root, os.environ)  # fmt: skip
    return sorted(into.glob("*.whl"))


def pack(out: Path, wheels: Iterable[Path], key: Ed25519PrivateKey, *, version: str, schema: str,
         python: str = "", platform: str = PLATFORM, oldest: str = UPGRADES_FROM) -> Path:  # fmt: skip
    """The bundle, in the folder `out`."""
    files: dict[str, Path | bytes] = {f"wheels/{path.name}": path for path in wheels}
    files[MAIN] = Path(environment.__file__).read_bytes()
    listed = {name: _sum(what) for name, what in sorted(files.items())}
    identity = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:10]
    about = {
        "format": environment.FORMAT, "name": "luytre", "version": version, "id": f"{version}-{identity}",
        "schema": schema, "python": python or f"{sys.version_info.major}.{sys.version_info.minor}",
        "platform": platform, "from": oldest, "files": listed,
    }  # fmt: skip
    manifest = json.dumps(about, indent=1, sort_keys=True).encode()
    signature = {"key": _public(key).hex(), "signature": key.sign(_CONTEXT + manifest).hex()}
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"luytre-{about['id']}-py{about['python']}-{platform}.ltb"
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as bundle:
        _put(bundle, MANIFEST, manifest)
        _put(bundle, SIGNATURE, json.dumps(signature).encode())
        for name, what in sorted(files.items()):
            _put(bundle, name, what if isinstance(what, bytes) else what.read_bytes())
    part.replace(path)
    return path


def verify(path: Path, trusted: bytes) -> dict[str, Any]:
    """The manifest of a bundle that the trusted key signed and whose every file is what was signed."""
    try:
        with zipfile.ZipFile(path) as bundle:
            about = environment.manifest_of(bundle)
            with bundle.open(MANIFEST) as file:
                manifest = file.read(environment.MANIFEST_BYTES)
            with bundle.open(SIGNATURE) as file:
                said = json.loads(file.read(4096))
            if bytes.fromhex(said["key"]) != trusted:
                raise LuytreError(Problem(
                    "LT-N0532", f"gói do khóa khác ký ({str(said['key'])[:16]}…), không phải khóa đã ghim",
                    "another key than the pinned one signed this bundle", Place(str(path))))  # fmt: skip
            Ed25519PublicKey.from_public_bytes(trusted).verify(bytes.fromhex(said["signature"]), _CONTEXT + manifest)
            environment.check(bundle, about)
    except InvalidSignature:
        raise _damaged(path, MANIFEST, "the signature does not fit") from None
    except Bad as error:
        raise _damaged(path, error.name, error.why) from None
    except OSError as error:
        raise _damaged(path, path.name, error.strerror or str(error)) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, NotImplementedError) as error:
        raise _damaged(path, path.name, str(error)) from None
    return about


def _damaged(path: Path, name: str, why: str) -> Damaged:
    return Damaged(Problem("LT-N0531", f"gói bị hỏng ở: {name}", f"the bundle is damaged at: {name} ({why})",
                           Place(str(path))))  # fmt: skip


def _put(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.external_attr = 0o644 << 16
    info.create_system = 3
    bundle.writestr(info, data)


def _sum(what: Path | bytes) -> dict[str, Any]:
    data = what if isinstance(what, bytes) else what.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw)


def _line(path: Path, start: str) -> bytes:
    try:
        line = next(one for one in path.read_text("utf-8").splitlines() if one.startswith(start))
        found = bytes.fromhex(line.removeprefix(start).strip())
        if len(found) != 32:
            raise ValueError("not 32 bytes")
    except (OSError, ValueError, StopIteration):
        raise ConfigError(Problem("LT-N0533", "không phải tệp khóa phát hành", "not a release key file",
                                  Place(str(path)), (start.strip() + " …",))) from None  # fmt: skip
    return found


def _run(words: list[str], cwd: Path, environ: Any) -> None:
    done = subprocess.run(words, cwd=cwd, env=dict(environ), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-600:]
        name = words[2] if words[0] == sys.executable else words[0]
        raise LuytreError(Problem("LT-N0534", f"{name} không chạy được: {said}", f"{name} failed: {said}"))
