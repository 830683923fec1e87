"""Which hosts may be asked: private addresses in every spelling are refused."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from crawlers.hosts import is_public, refusal


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.1.",
        "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0",
        "168.63.129.16", "192.0.0.192", "::ffff:168.63.129.16", "[fec0::1]", "64:ff9b:1::7f00:1",
        "224.0.0.1", "255.255.255.255", "198.18.0.1", "①②⑦.0.0.1", "１２７.0.0.1",
        "127\u30020\u30020\u30021", "127\uff611", "%31%32%37.0.0.1", "%6cocalhost",
        "[::1]", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:a00:1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254", "ff02::1",
        "localhost", "LOCALHOST.", "db.localhost", "printer.local", "metadata.google.internal",
        "router.lan", "nas.home.arpa",
    ],
)  # fmt: skip
def test_private_hosts_are_refused(host: str) -> None:
    assert refusal(host)


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "8.8.8.8", "2606:4700::1111", "[2606:4700::1111]", "localhost.example.com",
        "123.example.com", "64:ff9b::808:808", "2002:808:808::", "1x.example", "local.example",
    ],
)  # fmt: skip
def test_public_hosts_are_not(host: str) -> None:
    assert refusal(host) is None


@pytest.mark.parametrize("host", ["1\0.example", "1\ud800", "", "[", "1" * 5000])
def test_any_text_is_answered(host: str) -> None:
    assert refusal(host) is None


def test_teredo_is_not_public() -> None:
    assert not is_public(ip_address("2001:0:4136:e378:8000:63bf:3fff:fdd2"))
