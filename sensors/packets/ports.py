"""Ports that servers usually listen on: who opened a connection whose beginning we did not see.

Used only to guess direction (a packet from such a port to an ordinary one came from the responder), as Zeek's
`likely_server_ports`. Sources: the IANA service name and port number registry; the protocols' RFCs.
"""

from __future__ import annotations

TCP = frozenset((
    21, 2811, 22, 25, 587, 53, 5353, 80, 81, 631, 1080, 3128, 8000, 8080, 8888, 88, 110, 135, 139, 445, 143, 389, 3268,
    443, 563, 585, 614, 636, 989, 990, 992, 993, 994, 995, 5223, 502, 514, 1433, 1883, 2049, 3306, 1434, 3389, 5060,
    5222,
    5269, 5432, 5900, 6379, 6666, 6667, 6668, 6669, 8443, 9200, 20000, 27017, 5985, 5986, 179, 102, 44818,
))  # fmt: skip
UDP = frozenset((
    53, 67, 4011, 69, 88, 123, 137, 138, 161, 162, 389, 443, 500, 4500, 514, 520, 1812, 1813, 1900, 2123, 2152, 3389,
    3544, 3702, 4789, 5060, 5072, 5353, 5355, 6081, 20000,
))  # fmt: skip
