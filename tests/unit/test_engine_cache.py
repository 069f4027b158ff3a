"""The cache of compiled rules: never out of date, never a reason to stop (engine/cache.py, by its invariants)."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from correlator.config import shared
from correlator.engine import Engine
from correlator.engine import cache as cache_module
from correlator.engine.cache import ABSENT, NAME, Cache, Used
from tests.unit.test_engine_loading import GOOD, HEAD, HOSTILE

RULE = """title: Rule {n}
id: 31111111-2222-4333-8444-{n:012}
name: rule_{n}
logsource: {{product: linux, service: auth}}
level: medium
detection:
  sel:
    a|contains: [one{n}, two]
    b|re: ['x{n}[0-9]+y', 'bcd?e', 'z+']
    c|cidr: [10.0.0.0/8, 'fe80::/10']
    d|gte: 9007199254740993
    e: [null, 4625, true, '', 'w*ld?']
    f|fieldref: g
    h|exists: false
  words: [needle]
  condition: sel or words
"""
CORRELATION = """title: Too many
id: 41111111-2222-4333-8444-555555555555
correlation:
  type: event_count
  rules: [rule_1, rule_2]
  group-by: [user]
  timespan: 5m
  condition: {gte: 3, lte: 9.5}
  aliases: {who: {rule_1: a, rule_2: b}}
"""
WAITING = HEAD + "detection:\n  sel: {a|expand: '%admins%'}\n  condition: sel\n"
ON_WAITING = """title: Waits as well
correlation: {type: event_count, rules: [21111111-2222-4333-8444-555555555555], timespan: 1m, condition: {gte: 2}}
"""
FILTER = """title: Not from the scanner
logsource: {product: linux}
filter:
  rules: [rule_1]
  sel: {a: scanner}
  condition: not sel
"""


def fill(folder: Path, rules: int = 4) -> Path:
    folder.mkdir()
    for number in range(rules):
        (folder / f"rule{number}.yml").write_text(RULE.format(n=number))
    for name, text in (("many", CORRELATION), ("waiting", WAITING), ("waits", ON_WAITING), ("filter", FILTER)):
        (folder / f"{name}.yml").write_text(text)
    return folder


def said(engine: Engine) -> str:
    """All of what was loaded. As text: 1, 1.0 and True are equal otherwise."""
    return repr((engine.rules, engine.correlations, engine.refused, engine.waiting, engine.unrouted))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return fill(tmp_path / "rules")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "data" / "cache")


def kept(tmp_path: Path) -> Path:
    return tmp_path / "data" / "cache" / NAME


def load(rules: Path, cache: Cache | None = None) -> str:
    return said(Engine.load([rules], cache=cache))


def test_an_engine_from_the_cache_is_the_engine_from_the_files(rules: Path, cache: Cache, tmp_path: Path) -> None:
    plain = load(rules)
    assert "Waits as well" in plain
    assert "Not(part=Is(field='a', test=Text(parts=('scanner',)" in plain
    assert load(rules, cache) == plain
    assert cache.used == Used(0, 8, ABSENT)
    assert load(rules, cache) == plain
    assert cache.used == Used(8, 0)
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert kept(tmp_path).parent.stat().st_mode & 0o777 == 0o700


def test_what_is_refused_comes_back_with_its_place_and_reason(cache: Cache, tmp_path: Path) -> None:
    rules = fill(tmp_path / "rules")
    for name, text, *_ in HOSTILE:
        (rules / f"{name}.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    shutil.copy(rules / "rule1.yml", rules / "same_id.yml")
    itself = CORRELATION.replace("4111", "5111").replace("[rule_1, rule_2]", "[51111111-2222-4333-8444-555555555555]")
    (rules / "cyclic.yml").write_text(itself)
    plain = Engine.load([rules])
    assert len(plain.refused) == len(HOSTILE) + 2
    for used in (0, len(HOSTILE) + 10):
        assert load(rules, cache) == said(plain)
        assert cache.used.kept == used


def test_our_own_rules_come_back_the_same(cache: Cache) -> None:
    own, pipelines = shared("rules"), [shared("rules/pipelines")]
    plain = Engine.load([own], pipelines, cache=cache)
    again = Engine.load([own], pipelines, cache=cache)
    assert said(again) == said(plain)
    assert cache.used.read == 0 < cache.used.kept


def test_one_changed_file_is_the_only_one_read(rules: Path, cache: Cache) -> None:
    load(rules, cache)
    (rules / "rule2.yml").write_text(RULE.format(n=2).replace("two", "three"))
    assert load(rules, cache) == load(rules)
    assert (cache.used.kept, cache.used.read) == (7, 1)


def test_a_file_that_is_gone_leaves_nothing(rules: Path, cache: Cache, tmp_path: Path) -> None:
    load(rules, cache)
    before = kept(tmp_path).stat().st_size
    (rules / "rule3.yml").unlink()
    load(rules, cache)
    assert kept(tmp_path).stat().st_size < before - 300
    assert b"rule_3" not in kept(tmp_path).read_bytes()


def test_other_placeholder_values_are_another_cache(rules: Path, cache: Cache, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    seen = []
    for text in ("vars: {admins: [root]}", "vars: {admins: [root, quantri]}"):
        values.write_text(text)
        made = Engine.load([rules], [values], cache=cache)
        assert said(made) == said(Engine.load([rules], [values]))
        assert (cache.used.kept, cache.used.read) == (0, 8)
        seen.append(said(made))
    assert seen[0] != seen[1]
    assert "quantri" in seen[1]


def test_pysigma_transformations_are_part_of_the_key_and_filters_go_through_them(rules: Path, cache: Cache,
                                                                                 tmp_path: Path) -> None:  # fmt: skip
    pipeline = tmp_path / "names.yaml"
    for name in ("alpha", "beta"):
        pipeline.write_text(f"transformations: [{{type: field_name_mapping, mapping: {{a: {name}}}}}]")
        plain = said(Engine.load([rules], [pipeline]))
        assert f"Is(field='{name}', test=Text(parts=('scanner',)" in plain
        for used in ((0, 8), (8, 0)):
            assert said(Engine.load([rules], [pipeline], cache=cache)) == plain
            assert (cache.used.kept, cache.used.read) == used


def test_another_program_reads_the_rules_again(rules: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    load(rules, cache)
    monkeypatch.setattr(cache_module, "_program", lambda: b"a line of the engine was changed")
    assert load(rules, cache) == load(rules)
    assert cache.used == Used(0, 8, "made by another version or with other values")


def test_the_program_is_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "correlator" / "engine"
    shutil.copytree(Path(cache_module.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(cache_module.__file__).parents[1] / "hit.py", copy.parent)
    program = cache_module._program.__wrapped__
    monkeypatch.setattr(cache_module, "__file__", str(copy / "cache.py"))
    before = program()
    assert before == cache_module._program()
    kind = copy / "correlate" / "kinds" / "event_count.py"
    kind.write_text(kind.read_text() + "\n")
    assert program() != before


def harm(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut in the head": lambda data: data[:20],
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "other magic": lambda data: harm(data, 0),
    "other key": lambda data: harm(data, 10),
    "other sum": lambda data: harm(data, 50),
    "first byte": lambda data: harm(data, 72),
    "middle": lambda data: harm(data, len(data) // 2),
    "last byte": lambda data: harm(data, len(data) - 1),
    "noise": lambda data: bytes(at * 7 % 251 for at in range(5000)),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_is_as_none_and_made_anew(change: Callable[[bytes], bytes], rules: Path, cache: Cache,
                                                  tmp_path: Path) -> None:  # fmt: skip
    plain = load(rules, cache)
    good = kept(tmp_path).read_bytes()
    kept(tmp_path).write_bytes(change(good))
    assert load(rules, cache) == plain
    assert (cache.used.kept, cache.used.read) == (0, 8)
    assert cache.used.why
    assert load(rules, cache) == plain
    assert cache.used == Used(8, 0)
    assert kept(tmp_path).read_bytes() == good


def test_right_sum_over_what_is_no_list_of_items_is_read_from_the_files(rules: Path, cache: Cache,
                                                                        tmp_path: Path) -> None:  # fmt: skip
    plain = load(rules, cache)
    data = kept(tmp_path).read_bytes()
    key, body = data[8:40], data[72:]
    for other in (
        b"\xc0",
        b"\x92\x80\x80",
        body.replace(b"\xa4auth", b"\xa4aut\xff"),
        b"\x93\x01\x02\x03",
    ):
        kept(tmp_path).write_bytes(data[:40] + cache_module._digest(key, other) + other)
        assert load(rules, cache) == plain
        assert cache.used.read > 0


def strange(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "readable by others":
        path.chmod(0o644)
    elif how == "folder of others":
        path.parent.chmod(0o777)
    else:
        path.unlink()
        if how == "link":
            (path.parent / "elsewhere").write_bytes(data)
            (path.parent / "elsewhere").chmod(0o600)
            path.symlink_to("elsewhere")
        elif how == "folder":
            path.mkdir()
        else:
            os.mkfifo(path, 0o600)


@pytest.mark.parametrize("how", ["readable by others", "folder of others", "link", "folder", "pipe"])
def test_what_is_not_this_users_own_file_is_not_read(how: str, rules: Path, cache: Cache, tmp_path: Path) -> None:
    plain = load(rules, cache)
    strange(kept(tmp_path), how)
    assert load(rules, cache) == plain
    assert (cache.used.kept, cache.used.read) == (0, 8)
    assert cache.used.why


def test_the_file_of_another_user_is_not_read(rules: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch,
                                              tmp_path: Path) -> None:  # fmt: skip
    plain = load(rules, cache)
    before = kept(tmp_path).stat().st_mtime_ns
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert load(rules, cache) == plain
    assert (cache.used.kept, cache.used.read) == (0, 8)
    assert kept(tmp_path).stat().st_mtime_ns == before, "nor written"


@pytest.mark.parametrize("moment", ["half", "whole"])
def test_killed_while_writing_leaves_the_one_before(moment: str, rules: Path, cache: Cache, tmp_path: Path) -> None:
    load(rules, cache)
    good = kept(tmp_path).read_bytes()
    (rules / "rule0.yml").write_text(RULE.format(n=0).replace("two", "three"))
    dying = (
        "import os, signal, sys; from pathlib import Path\n"
        "from correlator.engine import Engine; from correlator.engine.cache import Cache\n"
        "real = os.fdopen\n"
        "def half(fd, mode):\n"
        "    if mode == 'wb': os.write(fd, b'LTRULES half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(fd, mode)\n"
        "if sys.argv[1] == 'half': os.fdopen = half\n"
        "else: os.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Engine.load([Path(sys.argv[2])], cache=Cache(Path(sys.argv[3])))\n"
    )
    words = [sys.executable, "-c", dying, moment, str(rules), str(kept(tmp_path).parent)]
    done = subprocess.run(words, cwd=Path(__file__).resolve().parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    assert kept(tmp_path).read_bytes() == good
    assert (kept(tmp_path).parent / f"{NAME}.new").exists()
    assert load(rules, cache) == load(rules)
    assert cache.used == Used(7, 1)
    assert [path.name for path in kept(tmp_path).parent.iterdir()] == [NAME]


def test_what_can_not_be_written_is_not_and_the_rules_run(rules: Path, cache: Cache, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert load(rules, cache) == load(rules)
    assert cache.used == Used(0, 8, "not written: No space left on device")
    assert not kept(tmp_path).exists()
    file = tmp_path / "file"
    file.touch()
    nowhere = Cache(file / "cache")
    assert load(rules, nowhere) == load(rules)
    assert nowhere.used.why.startswith("not written")


def test_its_size_is_bounded(rules: Path, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "LIMIT_BYTES", 3_000)
    plain = load(rules)
    for _ in range(3):
        assert load(rules, cache) == plain
        assert 0 < kept(tmp_path).stat().st_size < 3_000
    assert 0 < cache.used.kept < 8


def test_two_programs_do_not_write_at_once(rules: Path, cache: Cache, tmp_path: Path) -> None:
    folder = kept(tmp_path).parent
    folder.mkdir(parents=True, mode=0o700)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert load(rules, cache) == load(rules)
    finally:
        os.close(held)
    assert "another program" in cache.used.why
    assert not kept(tmp_path).exists()


def test_who_only_looks_does_not_write(rules: Path, cache: Cache, tmp_path: Path) -> None:
    looking = Cache(kept(tmp_path).parent, write=False)
    load(rules, looking)
    assert not kept(tmp_path).exists()
    load(rules, cache)
    before = kept(tmp_path).read_bytes()
    assert load(rules / "rule1.yml", looking) == load(rules / "rule1.yml")
    assert looking.used == Used(1, 0)
    assert kept(tmp_path).read_bytes() == before, "the others are still there"


@pytest.mark.parametrize("value", ["123456789012345678901234567890", ".nan"])
def test_what_would_not_come_back_the_same_is_read_each_time(value: str, cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "odd.yml").write_text(GOOD + f"tests: [{{name: {value}}}]\n")
    for _ in range(2):
        assert load(tmp_path / "rules", cache) == load(tmp_path / "rules")
        assert (cache.used.kept, cache.used.read) == (0, 1)


def test_a_name_that_many_leaves_share_is_not_written_out(cache: Cache, tmp_path: Path) -> None:
    """600 KB of name and 60,000 values would be 36 GB."""
    (tmp_path / "rules").mkdir()
    text = HEAD + f"detection:\n  sel:\n    {'n' * 100}: [{'1,' * 60_000}1]\n  condition: sel\n"
    (tmp_path / "rules" / "wide.yml").write_text(text.replace("n" * 100, "? " + "n" * 600_000 + "\n    "))
    engine = Engine.load([tmp_path / "rules"], cache=cache)
    assert len(engine.rules) == 1
    assert kept(tmp_path).stat().st_size < 10_000


def test_hyperscans_databases_come_back_and_find_the_same(rules: Path, cache: Cache, tmp_path: Path) -> None:
    pytest.importorskip("hyperscan")
    event = {"event": {"dataset": "linux.auth"}, "a": "one1", "b": "x1234y", "c": "10.1.1.1", "d": 9007199254740993,
             "e": 4625, "f": "same", "g": "same"}  # fmt: skip
    other = {**event, "b": "abcdef"}
    engines = (Engine.load([rules]), *(Engine.load([rules], cache=cache) for _ in range(2)))
    found = [[[match.rule.id for match in made.match(one)] for one in (event, other)] for made in engines]
    assert found[0] == found[1] == found[2]
    assert all(found[0])
    assert len(kept(tmp_path).read_bytes()) > 3000, "a database is in it"


def test_a_database_of_another_processor_is_made_anew(
    rules: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    hyperscan = pytest.importorskip("hyperscan")
    from correlator.engine.fast import regexes

    load(rules, cache)
    made = []
    real = hyperscan.loadb
    monkeypatch.setattr(hyperscan, "loadb", lambda *words, **more: made.append(1) or real(*words, **more))
    load(rules, cache)
    assert made, "from before"
    made.clear()
    monkeypatch.setattr(regexes, "_machine", lambda: "a processor without AVX2")
    asked: list[bytes] = []
    patterns = [(7, "ab+c"), (9, "x[0-9]y"), (11, "q{2,3}")]
    regexes.scanner(patterns, lambda question, make: (asked.append(question), make())[1])
    monkeypatch.setattr(regexes, "_machine", lambda: "another")
    regexes.scanner(patterns, lambda question, make: (asked.append(question), make())[1])
    assert asked[0] != asked[1]
    monkeypatch.setattr(regexes, "_machine", lambda: "")
    regexes.scanner(patterns, lambda question, make: (asked.append(question), make())[1])
    assert len(asked) == 2, "an unknown processor keeps none"


def test_a_database_that_hyperscan_refuses_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hyperscan")
    import msgspec

    from correlator.engine.fast import regexes

    patterns = [(7, "ab+c"), (9, "x[0-9]y"), (11, "q{2,3}")]
    for harmed in (b"", b"junk", b"\xdb\xdb\xdb\xdb" + bytes(200)):
        found, left = regexes.scanner(patterns, lambda _, __, harmed=harmed: msgspec.msgpack.encode((harmed, [])))
        assert left == []
        assert found is not None
        assert found.find("zabbc x5y") == {7, 9}
