"""`luytre rules import`: a set is there whole or as it was; hostile archives change nothing outside it."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from api.node.rulework import gather as gathering
from api.node.rulework import imported
from api.node.rulework.gather import gather
from correlator.engine import Engine
from sensors.errors import LuytreError
from tests.unit.test_rules_command import GUESSING, Node, later, node  # noqa: F401

RULE = """title: {title}
id: {id}
status: test
level: {level}
logsource: {{product: {product}, service: sshd}}
detection: {{sel: {{event.outcome: failure}}, condition: sel}}
"""
IDS = [f"a2222222-2222-4333-8444-55555555555{number}" for number in range(6)]


def rule(number: int, level: str = "low", product: str = "linux") -> str:
    return RULE.format(title=f"Rule {number}", id=IDS[number], level=level, product=product)


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def first(folder: Path) -> Path:
    return tree(folder, {
        "rules/linux/one_rule.yml": rule(0), "rules/linux/two_rule.yml": rule(1),
        "rules/odd/odd_rule.yml": rule(2, product="nobody_has_this"), "rules/odd/taken_rule.yml": rule(3).replace(
            IDS[3], GUESSING), "rules/broken_rule.yml": "title: [",
        "rules/wrong_rule.yml": rule(4).replace("sel}", "no}"),
        "deprecated/old_rule.yml": rule(5), "tests/x.yml": rule(5), ".github/ci.yml": rule(5), "notes.yml": "a: 1\n",
        "LICENSE": "DRL 1.1", "rules/pipelines/p.yml": "name: x\n",
    })  # fmt: skip


def test_a_set_is_brought_in_and_its_next_version_is_compared(node: Node, tmp_path: Path) -> None:  # noqa: F811
    source = first(tmp_path / "sigma")
    (source / ".git").mkdir()
    (source / ".git" / "HEAD").write_text("ref: refs/heads/master\n")
    (source / ".git" / "packed-refs").write_text("# pack-refs\n" + "a" * 40 + " refs/heads/master\n")
    folder = node.rules / "imported" / "sigmahq"
    seen = node.json("import", str(source), "--name", "sigmahq", "--preview")
    assert (seen["written"], folder.exists()) == (False, False)
    told = node.json("import", str(source / "rules"), "--name", "sigmahq")
    told = node.json("import", str(source), "--name", "sigmahq")
    assert told["version"] == "a" * 40
    assert told["rules"] == 3
    assert {one["path"]: one["code"] for one in told["refused"]} == {
        "rules/odd/taken_rule.yml": "LT-R0206", "rules/wrong_rule.yml": "LT-R0201"}  # fmt: skip
    assert told["unrouted"] == {"product: nobody_has_this, service: sshd": 1}
    assert list(told["passed_over"]) == ["rules/broken_rule.yml"]
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "LICENSE", "manifest.json", "odd_rule.yml", "one_rule.yml", "taken_rule.yml", "two_rule.yml", "wrong_rule.yml",
    ]  # fmt: skip
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert files["rules/linux/one_rule.yml"]["ids"] == [IDS[0]]

    assert node.run("tune", IDS[0], "--off", "--reason", "r", "--owner", "o", "--until", later()).code == 0
    (folder / "rules" / "linux" / "two_rule.yml").write_text(rule(1, "high"))  # by hand
    (source / "rules" / "linux" / "one_rule.yml").write_text(rule(0, "medium"))
    (source / "rules" / "odd" / "odd_rule.yml").unlink()
    tree(source, {"rules/linux/five_rule.yml": rule(4)})
    (source / "rules" / "wrong_rule.yml").unlink()
    again = node.json("import", str(source), "--name", "sigmahq")
    assert again["new"] == ["rules/linux/five_rule.yml"]
    assert again["changed"] == ["rules/linux/one_rule.yml", "rules/linux/two_rule.yml"]
    assert again["gone"] == ["rules/odd/odd_rule.yml", "rules/wrong_rule.yml"]
    assert again["touched"] == ["rules/linux/two_rule.yml"]
    assert [one["code"] for one in again["refused"]] == ["LT-R0206"]  # its own old version takes no id
    engine = Engine.load([node.rules])
    assert {one.id: one.about.level for one in engine.rules}[IDS[0]] == "medium"
    listed = {one["id"]: one["state"] for one in node.json("list")["rules"]}
    assert listed[IDS[0]] == "disabled"  # what the agency said of it survives
    assert [(one["name"], one["version"]) for one in node.json("list")["sets"]] == [("sigmahq", "a" * 40)]
    assert node.json("test")["untested"] > 0  # and not failed
    assert {Path(one["path"]).parts[-2] for one in node.json("test", str(folder))["failed"]} == {"linux", "odd"}
    assert not [path for path in (node.folder / "run").iterdir() if path.name.startswith("rules-")]
    shown = node.run("import", str(source), "--name", "sigmahq")
    assert "0 files new, 0 changed, 0 gone" in shown.out
    assert "LT-R0206" in shown.err


def test_a_failure_leaves_what_was_there(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    source = tree(tmp_path / "sigma", {"one_rule.yml": rule(0)})
    assert node.run("import", str(source), "--name", "own").code == 0
    (source / "one_rule.yml").write_text(rule(0, "high"))
    folder = node.rules / "imported" / "own"
    monkeypatch.setattr(imported, "_exchange", lambda *_: False)  # a file system without it
    assert node.run("import", str(source), "--name", "own").code == 0
    assert "high" in (folder / "one_rule.yml").read_text()
    (source / "one_rule.yml").write_text(rule(0, "critical"))
    real = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self.name.startswith("rules-") and not self.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        imported.write(folder, gather(source), "x", "2026-11-22")
    assert "high" in (folder / "one_rule.yml").read_text()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "A B", "x" * 65, "a..b"])
def test_a_name_never_leads_elsewhere(name: str, node: Node, tmp_path: Path) -> None:  # noqa: F811
    source = tree(tmp_path / "Ten Co Dau Cach!", {"one_rule.yml": rule(0)})
    said = node.run("import", str(source), "--name", name)
    assert (said.code, "LT-R0311" in said.err) == (2, True)
    assert not (node.rules / "imported").exists()


def zipped(path: Path, files: dict[str, str], **links: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for name, target in links.items():
            info = zipfile.ZipInfo(f"sigma/{name}.yml")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
        archive.comment = b"b" * 40
    return path


def test_a_zip_gives_its_rules_and_nothing_outside(tmp_path: Path) -> None:
    path = zipped(tmp_path / "sigma.zip", {
        "sigma/rules/one_rule.yml": rule(0), "sigma/../../../evil_rule.yml": rule(1), "sigma/LICENSE": "DRL",
        "sigma/rules/bomb_rule.yml": "x: " + "a" * 40_000_000, "sigma/rules/a\x01b.yml": rule(2),
        "sigma/rules/tên lạ.yml": rule(2), "sigma/" + "d/" * 9 + "x.yml": rule(2),
    }, link="/etc/passwd")  # fmt: skip
    found = gather(path)
    assert set(found.rules) == {"rules/one_rule.yml"}
    assert (found.version, set(found.licences)) == ("b" * 40, {"LICENSE"})
    assert len(found.passed) == 6


def test_links_pipes_and_the_like_are_not_followed(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", {"secret_rule.yml": rule(1)})
    source = tree(tmp_path / "sigma", {"one_rule.yml": rule(0)})
    (source / "linked.yml").symlink_to(outside / "secret_rule.yml")
    (source / "folder").symlink_to(outside)
    os.mkfifo(source / "pipe_rule.yml")
    assert set(gather(source).rules) == {"one_rule.yml"}


@pytest.mark.parametrize("make", ["nothing", "text", "torn", "empty", "many"])
def test_what_is_no_set_of_rules_is_refused_in_words(
    make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "source"
    match make:
        case "nothing":
            tree(path, {"readme.yml": "a: 1"})
        case "text":
            path.write_text("hello")
        case "torn":
            whole = zipped(tmp_path / "whole.zip", {f"r{n}_rule.yml": rule(n % 5) * 50 for n in range(20)}).read_bytes()
            path.write_bytes(whole[:200] + b"\xff" * 400 + whole[600:])
        case "empty":
            zipped(path, {})
        case "many":
            monkeypatch.setattr(gathering, "FILES_LIMIT", 3)
            tree(path, {f"r{n}_rule.yml": rule(n) for n in range(5)})
    with pytest.raises(LuytreError) as refused:
        gather(path)
    assert refused.value.problems[0].code == "LT-R0310"
