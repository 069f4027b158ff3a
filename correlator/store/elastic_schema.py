"""What our Elasticsearch indices look like: names of data streams, templates, and the folded copy of an event.

In:  the field table. Out: JSON for Elasticsearch. Nothing here talks to a server.
Keywords are searched without regard to case. What is not ASCII gets a folded copy under `luytre_fold` when we write it,
which `_source` leaves out: Elasticsearch's own folding filters live in a module that the distribution we test with
lacks, and the copy folds as the embedded store does. A lower-cased multi-field would do for ASCII, but 8.19.0 to 8.19.2
and 9.1.2 index it with every backslash doubled (elasticsearch#134023), and Windows paths are full of them.
An event that the mapping cannot take (a field that is an object here and a text there) is stored once more whole, as
text under `luytre_whole` beside the fields that identify it: nothing that ingest accepted is lost to a mapping.
Bound: FIELDS_LIMIT mapped fields an index, then dynamic ones are stored but not indexed; STREAMS_LIMIT data streams.
Source: Elasticsearch 8.19 reference "Data streams", "Index templates"; data stream naming scheme of ECS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from correlator.store.base import Stream
from correlator.store.columns import DEPTH_LIMIT, KEYWORD_LIMIT, KEYWORD_TWIN, KINDS, leaves
from correlator.store.fold import fold
from sensors.event import Event, encode, get, put

FIELDS_LIMIT = 2_000
STREAMS_LIMIT = 1_000
FOLD = "luytre_fold"
FOLD_LEAVES_LIMIT = 200
WHOLE = "luytre_whole"
MARKS_INDEX = "luytre-marks"
COMPONENT = "luytre-fields"
TEMPLATE = "luytre-logs"
PRIORITY = 250  # above Elastic's own "logs" (100) and integrations (200)

PATTERNS: dict[Stream, str] = {"events": "logs-*-*,-logs-luytre_hit-*", "hits": "logs-luytre_hit-*"}

_KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": KEYWORD_LIMIT}
_KEPT = ("event.id", "event.dataset", "event.original", "message", "organization.id", "observer.name", "host.name")
_COPY = {"type": "keyword", "ignore_above": KEYWORD_LIMIT, "doc_values": False}


def patterns(agencies: Sequence[str]) -> dict[Stream, str]:
    """Which data streams a node reads: all, or, on a cluster that several nodes share, those of its own agencies."""
    if not agencies:
        return PATTERNS
    parts = sorted({_part(agency, "unknown", 100) for agency in agencies})
    return {
        "events": ",".join(f"logs-*-{part}" for part in parts) + ",-logs-luytre_hit-*",
        # A wildcard, because a name that does not exist yet would be an error; it fits one stream of ours only, since
        # neither part of our names holds a "-".
        "hits": ",".join(f"log*-luytre_hit-{part}" for part in parts),
    }


def stream_name(event: Event, stream: Stream) -> str:
    """`logs-<dataset>-<agency>`; both parts lower case, without "-" and what Elasticsearch refuses."""
    agency = _part(get(event, "organization.id"), "unknown", 100)
    if stream == "hits":
        return f"logs-luytre_hit-{agency}"
    dataset = _part(get(event, "event.dataset"), "generic", 100)
    return f"logs-{'luytre_hit_' if dataset == 'luytre_hit' else dataset}-{agency}"  # no event passes for a hit


def _part(value: Any, otherwise: str, limit: int) -> str:
    text = re.sub(r"[^a-z0-9_.]+", "_", fold(str(value))[:limit].strip()) if isinstance(value, str) else ""
    return text.strip(".") or otherwise


def folded_copy(event: Event) -> dict[str, Any]:
    """The values that lower-casing alone would not fold, folded, under their paths."""
    copy: dict[str, Any] = {}
    left = FOLD_LEAVES_LIMIT
    for path, value in leaves(event):
        if path == WHOLE or not isinstance(value, str) or value.isascii() or path.count(".") > DEPTH_LIMIT:
            continue
        if KINDS.get(path, "keyword") in ("keyword", "text"):
            limit = None if KINDS.get(path) == "text" else KEYWORD_LIMIT
            copy.setdefault(path, []).append(fold(value)[:limit])
            left -= 1
            if not left:
                break
    return copy


def whole_copy(event: Event) -> dict[str, Any]:
    """What is stored of an event that the mapping refused: itself as text, and what it is found by."""
    kept: Event = {WHOLE: encode(event).decode(), "@timestamp": event.get("@timestamp")}
    for path in _KEPT:
        value = get(event, path)
        if isinstance(value, str):
            put(kept, path, value)
    copy = folded_copy(kept)
    return {**kept, FOLD: copy} if copy else kept


def component() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if kind != "object":
            _put(properties, name, _mapping(name, kind))
            if kind == "text":
                _put(properties, f"{FOLD}.{name}", {"type": "text"})
    properties[WHOLE] = {"type": "keyword", "index": False, "doc_values": False}
    return {
        "template": {
            "settings": {
                "index.number_of_shards": 1,
                "index.codec": "best_compression",
                "index.translog.durability": "request",
                "index.mapping.total_fields.limit": FIELDS_LIMIT,
                "index.mapping.total_fields.ignore_dynamic_beyond_limit": True,
                "index.mapping.ignore_malformed": True,
                "index.mapping.depth.limit": DEPTH_LIMIT + 4,
            },
            "mappings": {
                "date_detection": False,
                "_source": {"excludes": [FOLD]},
                "dynamic_templates": [
                    {"copies": {"path_match": f"{FOLD}.*", "match_mapping_type": "string", "mapping": _COPY}},
                    {"strings": {"match_mapping_type": "string", "mapping": _KEYWORD}},
                ],
                "properties": properties,
            },
        }
    }


def index_template(days: int) -> dict[str, Any]:
    """Retention also stands in the template, for clusters that run the data stream lifecycle themselves."""
    return {
        "index_patterns": ["logs-*-*"],
        "data_stream": {},
        "composed_of": [COMPONENT],
        "priority": PRIORITY,
        "template": {"lifecycle": {"data_retention": f"{days}d"}},
    }


def marks_index() -> dict[str, Any]:
    return {
        "settings": {"index.hidden": True, "index.number_of_shards": 1, "index.translog.durability": "request"},
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "stream": {"type": "keyword"},
                "epoch": {"type": "long"},
                "sequence": {"type": "long"},
            },
        },
    }


def _mapping(name: str, kind: str) -> dict[str, Any]:
    match kind:
        case "keyword":
            return _KEYWORD
        case "text":
            twin = {"keyword": {"type": "keyword", "ignore_above": KEYWORD_LIMIT}} if name in KEYWORD_TWIN else None
            return {"type": "text"} | ({"fields": twin} if twin else {})
        case "boolean":
            return {"type": "boolean"}
        case _:
            return {"type": kind}


def _put(properties: dict[str, Any], path: str, mapping: dict[str, Any]) -> None:
    *heads, last = path.split(".")
    here = properties
    for head in heads:
        here = here.setdefault(head, {}).setdefault("properties", {})
    known = here.setdefault(last, {})
    known.update(mapping)
