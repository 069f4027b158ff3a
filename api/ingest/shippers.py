"""What Filebeat, Winlogbeat, Logstash, Vector, Fluent Bit and rsyslog ask an Elasticsearch before they send.

In:  method and path. Out: a Reply, or None when it is not one of these. They learn only that something of
     Elasticsearch's protocol is here, and that templates, pipelines and policies are there already (ours are made
     from the field table; what a shipper would install is refused).
Source: libbeat/esleg/eslegclient, logstash-output-elasticsearch (http_client, template_manager), Vector's elasticsearch
     sink (healthcheck `/_cluster/health`).
"""

from __future__ import annotations

import re

import msgspec

from api.ingest import answer

PRODUCT = {"x-elastic-product": "Elasticsearch"}
VERSION = "8.19.0"
_encode = msgspec.json.encode
_MANAGED = re.compile(
    r"/(?:_index_template|_template|_component_template|_ilm/policy|_ingest/pipeline|_alias|_data_stream|_lifecycle)/"
    r"[^/]{1,255}(?:/_lifecycle)?|/[A-Za-z0-9][^/_]{0,254}"
)


def probe(method: str, path: str, uuid: str) -> tuple[int, bytes] | None:
    if method in ("GET", "HEAD"):
        if path == "/":
            return 200, _encode({
                "name": "luytre", "cluster_name": "luytre", "cluster_uuid": uuid,
                "version": {
                    "number": VERSION, "build_flavor": "default", "build_type": "tar", "build_hash": "luytre",
                    "build_snapshot": False, "lucene_version": "9.12.1",
                    "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
                },
                "tagline": "You Know, for Search",
            })  # fmt: skip
        if path in ("/_license", "/_xpack/license"):
            return 200, _encode({"license": {"status": "active", "uid": uuid, "type": "basic", "mode": "basic"}})
        if path in ("/_xpack", "/_xpack/usage"):
            return 200, _encode({"license": {"uid": uuid, "type": "basic", "mode": "basic", "status": "active"},
                                 "features": {"ilm": {"available": False, "enabled": False}}})  # fmt: skip
        if path == "/_cluster/health":
            return 200, _encode({"cluster_name": "luytre", "status": "green", "timed_out": False, "number_of_nodes": 1})
        if path == "/_nodes" or path.startswith("/_nodes/http"):
            return 200, _encode({"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": "luytre",
                                 "nodes": {}})  # fmt: skip
        if _MANAGED.fullmatch(path):
            return 200, b"{}"
    if method in ("PUT", "POST", "DELETE") and _MANAGED.fullmatch(path):
        return 403, answer.error(403, "this node makes its templates, policies and pipelines itself")
    return None
