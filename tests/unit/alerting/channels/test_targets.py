"""The SSRF corpus: every way we know of writing "this machine", "our network" or "the metadata service" is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi.errors import Refused
from services.alerting.channels.https import Https
from services.alerting.targets import Reach, admit, host_name, parse_target, why_not
from tests.unit.alerting.channels.receiver import Reply, doors, here, receiver

BAD_URLS = {
    "plain http": "http://example.com/",
    "another scheme": "ftp://example.com/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_SLAVEOF",
    "no scheme": "//example.com/",
    "no host": "https:///x",
    "user name": "https://good.example@127.0.0.1/",
    "user and password": "https://a:b@example.com/",
    "userinfo with escaped at": "https://example.com%40127.0.0.1/",
    "backslash": "https://example.com\\@127.0.0.1/",
    "backslash host": "https:\\\\127.0.0.1/",
    "space": "https://example.com /",
    "new line": "https://example.com/\r\nHost: internal",
    "tab inside the scheme": "ht\ttps://127.0.0.1/",
    "null byte": "https://example.com\x00.internal/",
    "decimal": "https://2130706433/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0.0.1/",
    "octal": "https://0177.0.0.1/",
    "octal whole": "https://017700000001/",
    "short": "https://127.1/",
    "mixed": "https://0x7f.1/",
    "overflow": "https://4294967297/",
    "number with dot": "https://2130706433./",
    "three parts": "https://169.254.43518/",
    "name that ends in a number": "https://example.1/",
    "name that ends in hex": "https://example.0x7f/",
    "full-width digits": "https://１２７.０.０.１/",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "ideographic dot": "https://127。0。0。1/",
    "non-ASCII name": "https://exämple.com/",
    "zone": "https://[fe80::1%25eth0]/",
    "broken IPv6": "https://[::1/",
    "IPv6 rubbish": "https://[::g]/",
    "port out of range": "https://example.com:99999/",
    "port zero": "https://example.com:0/",
    "port text": "https://example.com:80a/",
    "empty": "",
    "endless": "https://example.com/" + "a" * 3_000,
    "percent in host": "https://127.0.0.1%2f@example.com/",
    "empty label": "https://example..com/",
    "dash first": "https://-example.com/",
    "curly": "https://{host}/",
}  # fmt: skip

BAD_ADDRESSES = {
    "127.0.0.1": "this machine itself", "127.255.255.254": "this machine itself", "::1": "this machine itself",
    "0.0.0.0": "reserved", "0.1.2.3": "reserved", "::": "reserved",
    "10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private", "100.64.0.1": "private",
    "fc00::1": "private", "fd12:3456::1": "private",
    "169.254.169.254": "a metadata service", "169.254.170.2": "a metadata service", "100.100.100.200": "a metadata service",
    "192.0.0.192": "a metadata service", "fd00:ec2::254": "a metadata service", "::ffff:169.254.169.254": "a metadata service",
    "169.254.0.1": "reserved", "fe80::1": "reserved", "fe80::1%eth0": "reserved", "fec0::1": "reserved",
    "::ffff:127.0.0.1": "this machine itself", "::ffff:7f00:1": "this machine itself", "::ffff:10.0.0.1": "private",
    "::127.0.0.1": "this machine itself", "64:ff9b::7f00:1": "this machine itself", "64:ff9b::a9fe:a9fe": "a metadata service",
    "64:ff9b:1::1": "reserved", "2002:7f00:1::": "this machine itself", "2002:a00:1::1": "private",
    "2001:0:1::f5ff:fffe": "private", "2001:db8::1": "reserved", "2001:10::1": "reserved", "100::1": "reserved", "5f00::1": "reserved",
    "192.0.2.1": "reserved", "198.51.100.1": "reserved", "203.0.113.1": "reserved", "198.18.0.1": "reserved", "192.0.0.1": "reserved",
    "192.88.99.1": "reserved", "224.0.0.1": "reserved", "239.255.255.250": "reserved", "240.0.0.1": "reserved",
    "255.255.255.255": "reserved", "ff02::1": "reserved", "nonsense": "not an address",
}  # fmt: skip
GOOD_ADDRESSES = ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=list(BAD_URLS))
def test_no_disguise_is_a_target(url: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_target(url, Reach())
    assert not url or url not in str(refused.value)


@pytest.mark.parametrize(("address", "why"), BAD_ADDRESSES.items())
def test_no_inner_address_is_reached(address: str, why: str) -> None:
    assert why_not(address, False, False) == why
    with pytest.raises(Refused):
        admit("example.com", 443, [address], Reach())


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_public_addresses_are_reached(address: str) -> None:
    assert admit("example.com", 443, [address], Reach()) == (address,)


def test_one_bad_answer_among_good_ones_is_enough() -> None:
    with pytest.raises(Refused, match="private"):
        admit("example.com", 443, ["93.184.216.34", "10.0.0.1"], Reach())
    with pytest.raises(Refused, match="no address"):
        admit("example.com", 443, [], Reach())


def test_the_operator_opens_hosts_but_never_the_metadata_service() -> None:
    production, development = Reach(False, frozenset({"relay.internal"})), Reach(True, frozenset({"relay.internal:8443"}))
    assert admit("relay.internal", 443, ["10.0.0.5"], production) == ("10.0.0.5",)
    assert admit("relay.internal", 8443, ["127.0.0.1"], development) == ("127.0.0.1",)
    for reach, port, address in (
        (production, 443, "127.0.0.1"), (development, 443, "127.0.0.1"), (development, 443, "10.0.0.5"),
        (production, 443, "169.254.169.254"), (development, 8443, "169.254.169.254"), (development, 8443, "fe80::1"),
    ):  # fmt: skip
        with pytest.raises(Refused):
            admit("relay.internal", port, [address], reach)
    assert not parse_target("http://relay.internal:8443/x", development).secure
    for url in ("http://relay.internal/x", "http://other.internal:8443/"):
        with pytest.raises(Refused):
            parse_target(url, development)
    with pytest.raises(Refused):
        parse_target("http://relay.internal:8443/", Reach(False, frozenset({"relay.internal:8443"})))


def test_what_is_well_written_is_understood() -> None:
    target = parse_target("https://Hooks.Example.com./services/T0?x=1#part", Reach())
    assert (target.host, target.port, target.path, target.authority) == ("hooks.example.com", 443, "/services/T0?x=1", "hooks.example.com")
    six = parse_target("https://[2606:4700:0::1111]:8443", Reach())
    assert (six.host, six.authority, six.path) == ("2606:4700::1111", "[2606:4700::1111]:8443", "/")


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_name_or_refused(text: str) -> None:
    try:
        host = host_name(text)
    except Refused:
        return
    assert host == host.lower() and host.isascii() and not set(host) & set("/@\\ %?#")


@given(st.ip_addresses(v=4))
def test_mapped_addresses_are_judged_as_what_they_mean(address: object) -> None:
    assert why_not(f"::ffff:{address}", False, False) == why_not(str(address), False, False)


async def test_a_name_that_changes_its_answer_is_asked_once_a_request(tmp_path: Path) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def fickle(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async with receiver() as running:
        at = doors(running, tmp_path, resolve=fickle)
        first = await at.https.tell(running.url(), b"{}", {})
        assert (first.state, len(answers), len(running.asked)) == ("sent", 1, 1)
        second = await at.https.tell(running.url(), b"{}", {})
        assert (second.state, len(running.asked)) == ("failed", 1) and "metadata" in second.text
        await at.https.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int, tmp_path: Path) -> None:
    async with receiver(Reply(status, {"Location": "/elsewhere"})) as running:
        at = doors(running, tmp_path)
        outcome = await at.https.tell(running.url(), b"{}", {})
        await at.https.close()
    assert outcome.state == "failed" and "redirect" in outcome.text and [a.path for a in running.asked] == ["/"]


async def test_the_certificate_must_be_of_the_name_not_of_the_address(tmp_path: Path) -> None:
    async with receiver() as running:
        reach = Reach(True, frozenset({f"other.test:{running.port}"}))

        door = Https(reach, running.trust(), here)
        outcome = await door.tell(running.url(host="other.test"), b"{}", {})
        await door.close()
    assert outcome.state == "retry" and not running.asked
