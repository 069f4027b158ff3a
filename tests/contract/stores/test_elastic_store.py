"""What only the store on Elasticsearch must promise: resends behind a rollover, statuses, names, refused documents."""

from __future__ import annotations

import pytest

from correlator.store import elastic_schema
from correlator.store.base import EVERYTHING, Mark, Page, Stored
from correlator.store.config import StoreTable
from correlator.store.elastic import ItemStatus, Server, unavailable
from correlator.store.elastic_writer import ElasticWriter
from sensors.errors import ConfigError, Unavailable


def event(number, **more):
    return {
        "@timestamp": "2026-11-22T00:00:00Z",
        "event": {"id": f"id-{number}", "dataset": "system.auth"},
        "organization": {"id": "so-a"},
    } | more


class Answers(Server):
    """A server whose bulk answers as the test says, and which holds the ids it is told to."""

    def __init__(self, *answers, held=()):
        self.answers, self.held, self.asked, self.sent = list(answers), set(held), 0, []

    def install(self, days):
        pass

    def refresh(self, pattern):
        pass

    def whole(self, pattern, body):
        self.asked += 1
        return [{"_id": one} for one in body["query"]["ids"]["values"] if one in self.held]

    def bulk(self, lines):
        self.sent.append(lines)
        answer = self.answers.pop(0) if self.answers else 201
        if isinstance(answer, int):
            return [ItemStatus(answer, "kind", "why")] * (len(lines) // 2)
        return [ItemStatus(one, "kind", "why") for one in answer]


def test_every_status_of_a_mixed_answer_has_its_meaning():
    statuses = [201, 409, 429, 503, 403, 413, 404]
    outcome = ElasticWriter(Answers(statuses, [400, 400])).append([event(number) for number in range(7)])
    assert [one.status for one in outcome] == [201, 200, 429, 429, 429, 400, 400]
    assert all(one.reason for one in outcome if one.status >= 400)


def test_a_document_that_the_mapping_refuses_is_sent_once_more_whole():
    server = Answers([201, 400], [201])
    assert [one.status for one in ElasticWriter(server).append([event(1), event(2)])] == [201, 201]
    assert b"luytre_whole" in server.sent[1][1]
    server = Answers([400], [400])
    assert [one.status for one in ElasticWriter(server).append([event(1)])] == [400]


def test_a_body_that_is_too_large_is_halved_until_one_is_left():
    server = Answers(413, 413, 201, 413)  # three, the first alone, the other two, the first once more as text
    outcome = ElasticWriter(server).append([event(number) for number in range(3)])
    assert [one.status for one in outcome] == [400, 201, 201]
    assert "413" in outcome[0].reason


def test_marks_wait_for_the_whole_batch():
    server = Answers([201, 429])
    writer = ElasticWriter(server)
    writer.append([event(1), event(2)], marks={"may/log": Mark(1, 2)})
    assert len(server.sent) == 1  # no marks
    writer.append([event(2)], marks={"may/log": Mark(1, 2)})
    assert b"luytre-marks" in server.sent[-1][0]


def test_ids_are_asked_for_first_after_start_and_after_a_failure_only():
    server = Answers(201, 201, 503, 201, held={"id-1"})
    writer = ElasticWriter(server)
    assert writer.append([event(1), event(2)]) == [Stored(200), Stored(201)]
    writer.append([event(3)])
    assert server.asked == 1
    assert [one.status for one in writer.append([event(4)])] == [429]
    server.held.add("id-4")  # it had arrived after all
    assert [one.status for one in writer.append([event(4)])] == [200]
    assert server.asked == 2


def test_no_answer_is_another_try():
    class Silent(Answers):
        def refresh(self, pattern):
            raise unavailable("no answer (ConnectionTimeout)")

    assert [one.status for one in ElasticWriter(Silent()).append([event(1)])] == [429]


@pytest.mark.parametrize(("dataset", "agency", "name"), [
    ("system.auth", "so-tttt", "logs-system.auth-so_tttt"),
    ("Windows.Security", "Đà Nẵng", "logs-windows.security-da_nang"),
    (None, None, "logs-generic-unknown"),
    ("../*?<>|,# \\\"", "..", "logs-.._-unknown"),
    ("luytre_hit", "a", "logs-luytre_hit_-a"),
    ("x" * 500, "y" * 500, f"logs-{'x' * 100}-{'y' * 100}"),
])  # fmt: skip
def test_names_of_data_streams_are_valid_whatever_is_claimed(dataset, agency, name):
    made = {"event": {"dataset": dataset}, "organization": {"id": agency}}
    found = elastic_schema.stream_name(made, "events")
    if dataset and dataset.startswith(".."):
        assert not set(found) & set('\\/*?"<>| ,#:')
        return
    assert found == name


def test_a_password_is_never_told(tmp_path):
    with pytest.raises(ConfigError) as caught:
        Server.connect(StoreTable(kind="elasticsearch", url="http://search.example.vn"))
    assert "https" in caught.value.show("en")
    secret = tmp_path / "password"
    secret.write_text("mật-khẩu-bí-mật-1")
    table = StoreTable(kind="elasticsearch", url="http://127.0.0.1:9", username="nhap", password_file=str(secret))
    server = Server.connect(table)
    with pytest.raises(Unavailable) as silent:
        server.refresh("logs-*")
    assert "bí-mật" not in str(silent.value) + silent.value.show("vi")
    server.close()


@pytest.mark.elasticsearch
@pytest.mark.parametrize("store", ["8.19.0", "9.5.3"], indirect=True)
class TestOnTheServer:
    def test_a_resend_behind_a_rollover_is_stored_once(self, store):
        store.writer.append([event(1), event(2)], marks={"may/log": Mark(1, 2)})
        store.client.indices.rollover(alias="logs-system.auth-so_a")
        store.restart()  # the marks of a third event were never written: it is sent again
        outcome = store.writer.append([event(1), event(2), event(3)], marks={"may/log": Mark(1, 3)})
        assert [one.status for one in outcome] == [200, 200, 201]
        page = store.reader.tail(None, 100)
        assert isinstance(page, Page)
        assert sorted(one["event"]["id"] for one in page.events) == ["id-1", "id-2", "id-3"]

    def test_a_field_that_is_an_object_here_and_a_text_there_loses_nothing(self, store):
        whole = [event(1, host={"name": "a"}), event(2, host="chỉ là chữ"), event(3, x=[1, {"y": 2}])]
        assert [one.status for one in store.writer.append(whole)] == [201, 201, 201]
        store.settle()
        assert store.reader.fetch(EVERYTHING, ["id-1", "id-2", "id-3"]) == whole

    def test_what_strangers_write_straight_in_is_read_with_an_id(self, store):
        store.writer.append([event(1)])
        store.client.index(
            index="logs-nginx.access-so_a", id="la", op_type="create",
            document={"@timestamp": "2026-11-22T00:00:00Z", "message": "GET /"},
        )  # fmt: skip
        page = store.reader.tail(None, 10)
        assert sorted(one["event"]["id"] for one in page.events) == ["id-1", "la"]
        store.settle()
        assert store.reader.fetch(EVERYTHING, ["la"])[0]["message"] == "GET /"
