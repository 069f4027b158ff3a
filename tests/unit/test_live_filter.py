"""The kernel's BPF filter in front of live capture, on loopback."""

from __future__ import annotations

import ctypes.util
import os
import socket

import pytest

from sensors.errors import ConfigError


def _needs(thing: bool, reason: str) -> None:
    if not thing:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.mark.root
def test_the_kernel_filters_before_we_see_a_frame() -> None:
    _needs(ctypes.util.find_library("pcap") is not None, "no libpcap, which compiles filters (Debian: libpcap0.8)")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        pytest.skip("no right to capture (CAP_NET_RAW)")
    from sensors.sources.live import LiveCapture

    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        heard.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        capture = LiveCapture(["lo"], f"udp and dst port {heard.getsockname()[1]}")
        try:
            for _ in range(5):
                other.sendto(b"wanted", heard.getsockname())
                heard.sendto(b"unwanted", other.getsockname())
            frames = []
            for _ in range(20):
                frames += capture.read(0.1)
                if len(frames) >= 5:
                    break
        finally:
            capture.close()
    assert len(frames) == 5
    assert all(b"unwanted" not in bytes(frame.data) for frame in frames)


@pytest.mark.root
def test_a_filter_that_does_not_compile_is_a_located_error() -> None:
    _needs(ctypes.util.find_library("pcap") is not None, "no libpcap, which compiles filters (Debian: libpcap0.8)")
    from sensors.sources.live import LiveCapture

    with pytest.raises(ConfigError, match="LT-C0301"):
        LiveCapture(["lo"], "port of call")
