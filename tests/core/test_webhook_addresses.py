"""Addresses that get no webhooks: our own network, names that point there later, servers with a wrong certificate."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from core.base.errors import Invalid
from core.events.outbox import deliver
from core.http import outgoing
from core.security.roles import Role
from core.webhooks import registry as webhooks
from core.webhooks import sending as webhook_sending
from core.webhooks import services
from core.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.core.receiving import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1%eth0",
     "fd00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "224.0.0.1", "255.255.255.255", "::",
     "::127.0.0.1", "::ffff:0a00:0001", "64:ff9b:1::7f00:1", "fec0::1", "ff0e::1", "2001:db8::1", "2001:0:7f00:1::",
     "fe80::5efe:10.0.0.1", "2600::5efe:127.0.0.1", "2600::200:5efe:10.0.0.1", "192.88.99.1", "192.0.0.8", "192.0.2.1",
     "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "172.16.0.1", "127.255.255.254"],
)  # fmt: skip
def test_addresses_of_our_own_network_are_not_public(address):
    assert not outgoing.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_addresses_of_the_internet_are_public(address):
    assert outgoing.is_public(address)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/x", "private_address"),
        ("https://localhost/x", "private_address"),
        ("https://[::1]:8443/x", "private_address"),
        ("https://2130706433/x", "private_address"),
        ("https://0177.0.0.1/x", "private_address"),
        ("https://0x7f.1/x", "private_address"),
        ("https://127.1/x", "private_address"),
        ("https://127.0.0.1./x", "unknown_host"),
        ("https://１２７.0.0.1/x", "private_address"),
        ("https://0/x", "private_address"),
        ("https://[::ffff:127.0.0.1]/x", "private_address"),
        ("https://[::127.0.0.1]/x", "private_address"),
        ("https://[64:ff9b::a9fe:a9fe]/x", "private_address"),
        ("https://[::1", "invalid"),
        ("https://::1]/x", "invalid"),
        ("https://[nonsense]/x", "invalid"),
        ("https:///x", "invalid"),
        ("http://93.184.216.34/x", "https_required"),
        ("https://no-such-host.invalid/x", "unknown_host"),
        ("https://user:secret@93.184.216.34/x", "invalid"),
        ("ftp://93.184.216.34/x", "invalid"),
        ("https://93.184.216.34:99999/x", "invalid"),
    ],
)
def test_an_endpoint_there_is_refused_and_nothing_is_made(settings, url, code):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    with pytest.raises(Invalid) as refused:
        services.create_endpoint(url=url, event_types=["customer.created"])
    assert (refused.value.code, refused.value.field) == (code, "url")
    assert WebhookEndpoint.objects.count() == 0


def test_a_name_that_points_inside_only_at_sending_is_refused_then(receiver, make_customer, settings):
    """The name was valid at the check; the address of the connection decides."""
    endpoint, _secret = services.create_endpoint(url=receiver.url, event_types=["customer.created"])
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    webhook_sending.send_due(endpoint.pk)
    assert receiver.received == []
    assert WebhookDelivery.objects.get().error.startswith("private_address")


def test_the_page_refuses_an_incomplete_address(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    answer = client.post("/webhooks/new/", {"url": "https://[::1", "event_types": ["customer.created"]})
    assert answer.status_code in {200, 302}
    assert WebhookEndpoint.objects.count() == 0


def test_an_answer_that_sends_elsewhere_is_not_followed(make_customer):
    second = Receiver()
    first = Receiver(answer=lambda _received: (302, {"Location": second.url}, ""))
    headers = {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
    with outgoing.Sender(seconds=5, connections=1) as sender:
        assert sender.post(first.url, headers, b"{}").status == 302
    assert (len(first.received), len(second.received)) == (1, 0)
    first.close()
    second.close()


def test_the_connection_uses_the_checked_address(receiver, monkeypatch, settings):
    """A name with a different address at each look-up is resolved only once."""
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    port, asked = receiver.server.server_port, []

    def answers(host, *_args, **_options):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []

    def connect(_self, host, *_args, **_options):
        connected.append(host)
        raise outgoing.httpcore.ConnectError

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", answers)
    monkeypatch.setattr(outgoing.httpcore.SyncBackend, "connect_tcp", connect)
    with outgoing.Sender(seconds=5, connections=1) as sender, pytest.raises(outgoing.NoAnswer):
        sender.post(f"http://rebinding.test:{port}/", {}, b"{}")
    assert (asked, connected, receiver.received) == (["rebinding.test"], ["93.184.216.34"], [])


@pytest.fixture
def tls(tmp_path):
    """Return (TLS context of a server named localhost, TLS context of a client that trusts it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    chain = tmp_path / "tls.pem"
    chain.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cafile=str(chain))


def test_the_certificate_is_checked_for_the_name_though_the_address_is_connected_to(tls):
    server, client = tls
    receiver = Receiver(tls=server)
    port = receiver.server.server_port
    headers = {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,x"}

    def post(host: str, trusting: ssl.SSLContext | None) -> int:
        with outgoing.Sender(seconds=5, connections=1, tls=trusting) as sender:
            return sender.post(f"https://{host}:{port}/", headers, b"{}").status

    assert post("localhost", client) == 200
    for host, trusting in (("127.0.0.1", client), ("localhost", None)):
        with pytest.raises(outgoing.NoAnswer) as refused:
            post(host, trusting)
        assert refused.value.code == "tls"
    assert len(receiver.received) == 1
    receiver.close()
