"""The one module that knows the Elasticsearch client: what our reader and writer ask of a server of version 8.19 or 9.

In:  JSON. Out: JSON; `Unavailable` when it does not answer fully, `QueryError` when it cannot run what was asked.
Never called: `client.info()`, the `_data_stream` API, and whatever else the distribution that we test with lacks.
Credentials, and URLs that may hold some, appear in no message. Bound: TIMEOUT_S an answer; nothing is tried twice here.
Source: Elasticsearch 8.19 reference; tried on 8.19.0.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import elasticsearch

from correlator.store import elastic_schema
from correlator.store.config import StoreTable
from correlator.store.elastic_schema import MARKS_INDEX
from correlator.store.query import QueryError
from sensors.errors import ConfigError, Place, Problem, Unavailable

TIMEOUT_S = 30.0

Json = dict[str, Any]
_WILD: Json = {"expand_wildcards": ["open", "hidden"], "allow_no_indices": True, "ignore_unavailable": True}

logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # its warnings print URLs


class ItemStatus(NamedTuple):
    """What became of one document of a bulk; `kind` and `reason` as Elasticsearch names them."""

    status: int
    kind: str = ""
    reason: str = ""


class IndexState(NamedTuple):
    """An index as tailing needs it: per shard the primary's global checkpoint, UNKNOWN while it has no primary."""

    name: str
    uuid: str
    checkpoints: list[int]


class IndexSize(NamedTuple):
    documents: int
    bytes: int
    created_ms: int


UNKNOWN = -2  # below every `_seq_no` and below -1, "nothing read yet"


class Server:
    def __init__(self, client: elasticsearch.Elasticsearch) -> None:
        self._client = client

    @classmethod
    def connect(cls, table: StoreTable) -> Self:
        """Raises ConfigError on what can't be right; the server need not be up yet."""
        if not table.url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
            vi, en = "`url` phải là https:// (http:// chỉ trên máy này)", "`url` must be https:// (http:// only here)"
            raise ConfigError(Problem("LT-S0201", vi, en, Place(key="store.url")))
        options: Json = {"request_timeout": TIMEOUT_S, "max_retries": 0, "http_compress": True}
        if table.username:
            try:
                password = Path(table.password_file).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                place = Place(file=table.password_file, key="store.password_file")
                vi, en = "không đọc được tệp mật khẩu", "cannot read the password file"
                raise ConfigError(Problem("LT-S0202", vi, en, place)) from None
            # The client's own `basic_auth` refuses what is not ASCII.
            token = base64.b64encode(f"{table.username}:{password}".encode()).decode()
            options["headers"] = {"authorization": f"Basic {token}"}
        if table.ca_file:
            options["ca_certs"] = table.ca_file
        return cls(elasticsearch.Elasticsearch(table.url, **options))

    def install(self, days: int) -> None:
        """Templates and the index of marks; the same again does nothing."""
        client = self._client
        with _Translated():
            client.cluster.put_component_template(name=elastic_schema.COMPONENT, **elastic_schema.component())
            client.indices.put_index_template(name=elastic_schema.TEMPLATE, **elastic_schema.index_template(days))
            if not client.indices.exists(index=MARKS_INDEX):
                try:
                    client.indices.create(index=MARKS_INDEX, **elastic_schema.marks_index())
                except elasticsearch.BadRequestError as error:
                    if error.error != "resource_already_exists_exception":
                        raise

    def bulk(self, lines: Sequence[bytes]) -> list[ItemStatus]:
        """One status per document. A body that is too large, or no answer at all, is the status of each (413, 503)."""
        try:
            answer = self._client.bulk(
                operations=cast("Any", lines), filter_path="items.*.status,items.*.error.type,items.*.error.reason"
            )
        except elasticsearch.ApiError as error:
            return [ItemStatus(error.status_code, str(error.error)[:100])] * (len(lines) // 2)
        except elasticsearch.TransportError as error:
            return [ItemStatus(503, "no_answer", type(error).__name__)] * (len(lines) // 2)
        items = [next(iter(item.values())) for item in answer["items"]]
        errors = [item.get("error") or {} for item in items]
        return [
            ItemStatus(item["status"], error.get("type", ""), error.get("reason", ""))
            for item, error in zip(items, errors, strict=True)
        ]

    def refresh(self, pattern: str) -> None:
        with _Translated():
            self._client.indices.refresh(index=pattern, **_WILD)

    def search(self, pattern: str, body: Json) -> Json:
        """`body` as the search API takes it, `_source` as "source"."""
        with _Translated():
            answer = self._client.search(index=pattern, ignore_unavailable=True, allow_no_indices=True, **body)
        return cast("Json", answer.body)

    def whole(self, pattern: str, body: Json) -> list[Json]:
        """The hits of a search that every shard answered in time; `Unavailable` else."""
        answer = self.search(pattern, body)
        if answer["_shards"]["failed"] or answer["timed_out"]:
            raise unavailable(f"a part of {pattern} does not answer")
        return cast("list[Json]", answer["hits"]["hits"])

    def types(self, pattern: str, field: str) -> frozenset[str]:
        """The types of one field over all indices; empty when none has it, or when its name is no name."""
        if not field or any(char in field for char in "*,"):
            return frozenset()
        with _Translated():
            answer = self._client.field_caps(
                index=pattern, fields=[field], allow_no_indices=True, ignore_unavailable=True
            )
        return frozenset(answer["fields"].get(field, {})) - {"unmapped"}

    def states(self, pattern: str) -> tuple[list[IndexState], set[str]]:
        """The indices that answer, oldest first, and the uuids of all that exist."""
        settings = self._settings(pattern)
        with _Translated():
            stats = self._client.indices.stats(
                index=pattern, metric="docs", level="shards", expand_wildcards=["open", "hidden"],
                filter_path=["indices.*.uuid", "indices.*.shards.*.routing.primary",
                             "indices.*.shards.*.seq_no.global_checkpoint"],
            ).body.get("indices", {})  # fmt: skip
        found = []
        for name in sorted(stats, key=lambda name: (int(settings.get(name, {}).get("creation_date", 0)), name)):
            checkpoints: dict[int, int] = {}
            for shard, copies in stats[name].get("shards", {}).items():
                for copy in copies:
                    if copy["routing"]["primary"] and "seq_no" in copy:
                        checkpoints[int(shard)] = copy["seq_no"]["global_checkpoint"]
            count = max(int(settings.get(name, {}).get("number_of_shards", 1)), max(checkpoints, default=-1) + 1)
            found.append(IndexState(name, stats[name]["uuid"], [checkpoints.get(at, UNKNOWN) for at in range(count)]))
        return found, {one["uuid"] for one in settings.values()} | {state.uuid for state in found}

    def backing(self, pattern: str) -> dict[str, list[str]]:
        """Data stream → its indices, the one being written last."""
        with _Translated():
            answer = self._client.indices.resolve_index(name=pattern, expand_wildcards=["open", "hidden"])
        found = {one["name"]: one["backing_indices"] for one in answer["data_streams"]}
        return {name: [names] if isinstance(names, str) else names for name, names in found.items()}

    def sizes(self, pattern: str) -> dict[str, IndexSize]:
        with _Translated():
            stats = self._client.indices.stats(
                index=pattern, metric=["docs", "store"], expand_wildcards=["open", "hidden"],
                filter_path=["indices.*.primaries.docs.count", "indices.*.total.store.size_in_bytes"],
            ).body.get("indices", {})  # fmt: skip
        created = {name: int(one["creation_date"]) for name, one in self._settings(pattern).items()}
        return {
            name: IndexSize(one["primaries"]["docs"]["count"], one["total"]["store"]["size_in_bytes"], created[name])
            for name, one in stats.items()
            if name in created
        }

    def roll_over(self, data_stream: str) -> None:
        with _Translated():
            self._client.indices.rollover(alias=data_stream)

    def delete(self, index: str) -> None:
        """A backing index that is not being written. Plain deletion: what every distribution has."""
        with _Translated():
            self._client.indices.delete(index=index)

    def close(self) -> None:
        self._client.close()

    def _settings(self, pattern: str) -> dict[str, Json]:
        with _Translated():
            answer = self._client.indices.get_settings(
                index=pattern, **_WILD,
                filter_path=["*.settings.index.uuid", "*.settings.index.creation_date",
                             "*.settings.index.number_of_shards"],
            ).body  # fmt: skip
        return {name: one["settings"]["index"] for name, one in answer.items()}


def unavailable(what: str) -> Unavailable:
    return Unavailable(Problem("LT-S0210", f"Elasticsearch chưa dùng được: {what}", f"Elasticsearch: {what}"))


class _Translated:
    """Errors of the client become ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, elasticsearch.ApiError):
            reason = str(error.error)[:200]
            if error.status_code == 400:
                raise QueryError(f"kho không chạy được: {reason}", f"the store cannot run this: {reason}") from None
            raise unavailable(f"{error.status_code} {reason}") from None
        if isinstance(error, elasticsearch.TransportError):
            raise unavailable(f"no answer ({type(error).__name__})") from None
