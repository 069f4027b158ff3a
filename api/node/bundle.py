"""`luytre bundle`: the whole program as one signed file, for machines without a network.

luytre bundle key --to DIR                       release.pub is pinned at every node; release.key never leaves its maker
luytre bundle make --to DIR --key release.key    needs the source tree, and a package index for the locked wheels
luytre bundle verify FILE.ltb --key release.pub
luytre bundle apply FILE.ltb --prefix /opt/luytre --key release.pub
On a bare machine: python3 FILE.ltb --prefix /opt/luytre --sha256 …
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from api.node.backup import say
from api.node.keeping import environment, release
from sensors.errors import ConfigError, Problem

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True,
                  help="luytre bundle make --to DIR --key release.key\n\nluytre bundle verify TỆP.ltb")  # fmt: skip
Prefix = Annotated[Path, typer.Option(help="nơi cài chương trình / where the program lives")]
PREFIX = Path("/opt/luytre")


@app.command()
def make(
    to: Annotated[Path, typer.Option(help="thư mục đích / target folder")],
    key: Annotated[Path, typer.Option(help="khóa bí mật phát hành: release.key")],
    wheels: Annotated[Path | None, typer.Option(help="thư mục đã có các wheel khóa; mặc định: tải về")] = None,
    platform: Annotated[str, typer.Option()] = release.PLATFORM,
) -> None:
    """Đóng gói chương trình, thư viện đã khóa, luật và giao diện vào một tệp có chữ ký."""
    from api.runtime import VERSION
    from api.state.migrations import HEAD

    secret = release.read_secret(key)
    with tempfile.TemporaryDirectory(prefix="luytre-bundle-") as folder:
        own = release.build_wheel(Path(folder) / "own")
        others = sorted(wheels.glob("*.whl")) if wheels else release.download(Path(folder) / "wheels",
                                                                              platform=platform)  # fmt: skip
        path = release.pack(to, [own, *others], secret, version=VERSION, schema=HEAD, platform=platform)
    print(path)
    say(f"{path.stat().st_size:,} byte, {len(others) + 1} wheel", f"{path.stat().st_size:,} bytes")


@app.command()
def verify(file: Path, key: Annotated[Path | None, typer.Option(help="release.pub")] = None,
           prefix: Prefix = PREFIX) -> None:  # fmt: skip
    """Kiểm chữ ký và từng tệp."""
    about = release.verify(file, release.read_public(key_of(key, prefix)))
    print(about["id"])
    figures = f"{about['version']}, {about['schema']}, Python {about['python']}, {len(about['files'])}"
    say(f"phiên bản, lược đồ, Python, số tệp: {figures}", f"version, schema, Python, files: {figures}")


@app.command()
def apply(file: Path, key: Annotated[Path | None, typer.Option(help="release.pub")] = None,
          prefix: Prefix = PREFIX) -> None:  # fmt: skip
    """Dựng môi trường từ gói, cạnh các phiên bản khác; không đụng tới nút đang chạy."""
    release.verify(file, release.read_public(key_of(key, prefix)))
    target = environment.build(file, prefix.absolute())
    if environment.current(prefix.absolute()) is None:
        environment.switch(prefix.absolute(), target)
    print(target)


@app.command("key")
def key_pair(to: Annotated[Path, typer.Option(help="thư mục cho hai tệp khóa")] = Path()) -> None:
    """Tạo cặp khóa phát hành."""
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    public, secret = release.new_pair()
    for name, line, mode in (("release.pub", public, 0o644), ("release.key", secret, 0o600)):
        handle = os.open(to / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(line + "\n")
    print(to / "release.pub")


def key_of(given: Path | None, prefix: Path) -> Path:
    path = given or prefix / "release.pub"
    if not path.exists():
        vi, en = f"chưa ghim khóa phát hành: {path}", f"no release key is pinned: {path}"
        raise ConfigError(Problem("LT-N0535", vi, en, hints=("--key release.pub",)))
    return path
