"""Which processes `luytre up` runs for a folder."""

from __future__ import annotations

from pathlib import Path

from api.node.init import toml
from api.node.programs import of_node
from sensors.config import Config


def programs(folder: Path, keys: tuple[str, ...], **tables: dict[str, object]) -> list[str]:
    (folder / "keys").mkdir()
    for name in keys:
        (folder / "keys" / name).touch()
    path = folder / "luytre.toml"
    path.write_text(toml({"node": {"data": str(folder)}, **tables}), "utf-8")
    return [program.name for program in of_node(Config(path))]


def test_a_node_runs_its_api_first_and_only_sensors_with_work(tmp_path: Path) -> None:
    found = programs(tmp_path, ("ca.key", "sensor.pem"), log={"files": [{"path": "/x"}]})
    assert found == ["luytre-api", "luytre-index", "luytre-run", "luytre-log", "luytre-ship"]


def test_elasticsearch_needs_no_index_process(tmp_path: Path) -> None:
    found = programs(tmp_path, ("ca.key",), store={"kind": "elasticsearch"})
    assert found == ["luytre-api", "luytre-run"]


def test_an_enrolled_sensor_s_folder_runs_its_sensors_alone(tmp_path: Path) -> None:
    found = programs(tmp_path, ("sensor.pem", "ca.pem"), log={"syslog_udp": "127.0.0.1:5514"})
    assert found == ["luytre-log", "luytre-ship"]
