"""Providers in tests: OpenID Connect on loopback, and a small SAML identity provider that signs, or does not."""

import base64
import re
import sys
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from approvals.embedded.processes import free_port, port_answers, spawn, stop, wait_until
from tests.factor_desk import Walk

# Neither says enough about its types.
etree: Any = import_module("lxml.etree")
xmlsec: Any = import_module("xmlsec")


@dataclass(frozen=True)
class Oidc:
    url: str

    def knows(self, sub: str, **claims: Any) -> None:
        requests.put(f"{self.url}/users/{sub}", json=claims, timeout=10).raise_for_status()

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOLDPOINT_OIDC_ISSUER": self.url,
            "HOLDPOINT_OIDC_CLIENT_ID": "holdpoint",
            "HOLDPOINT_OIDC_SECRET": "a-client-secret",
            "HOLDPOINT_OIDC_NAME": "Example Works",
        }


@contextmanager
def oidc(logs: Path) -> Iterator[Oidc]:
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    provider = spawn("provider", command, log=logs / "provider.log", patience=5)
    try:
        wait_until(lambda: port_answers(port), child=provider)
        yield Oidc(f"http://localhost:{port}")
    finally:
        stop(provider)


def begin(walk: Walk) -> str:
    """The provider's own address for this sign-in, from the link on the sign-in page."""
    page = walk.get("/accounts/login/?next=/me/")
    link = re.search(r'href="(/accounts/(?:oidc|saml)/[^"]+)"', page.text)
    assert link, page.text
    asked = walk.session.get(walk.url + link[1].replace("&amp;", "&"), allow_redirects=False, timeout=30)
    assert asked.status_code == 302, asked.text
    return asked.headers["Location"]


def agree(walk: Walk, address: str, *, as_sub: str) -> str:
    """The callback, with what the provider says, not followed yet."""
    return walk.session.post(address, {"sub": as_sub}, allow_redirects=False, timeout=30).headers["Location"]


def come_in(walk: Walk, sub: str) -> requests.Response:
    return walk.session.get(agree(walk, begin(walk), as_sub=sub), timeout=30)


SAML = "urn:oasis:names:tc:SAML:2.0:"
ENTITY = "https://idp.example.org/saml"


@dataclass
class Said:
    """What the assertion holds, and how the answer is spoiled."""

    name: str = "u-1"
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    audience: str | None = None
    is_signed: bool = True
    is_late: bool = False
    tampered: tuple[str, str] | None = None


class SamlProvider:
    def __init__(self, directory: Path, *, key: Any = None) -> None:
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = directory / f"{uuid.uuid4()}.pem"
        self.certificate.write_bytes(_certificate(self.key).public_bytes(serialization.Encoding.PEM))

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HOLDPOINT_SAML_ENTITY_ID": ENTITY,
            "HOLDPOINT_SAML_SIGN_IN_URL": "https://idp.example.org/sign-in",
            "HOLDPOINT_SAML_CERTIFICATE_FILE": str(self.certificate),
            "HOLDPOINT_SAML_NAME": "Example Works",
        }

    def answer(self, request_url: str, said: Said) -> tuple[str, str]:
        """Where to post, and the SAMLResponse."""
        packed = parse_qs(urlsplit(request_url).query)["SAMLRequest"][0]
        asked = etree.fromstring(zlib.decompress(base64.b64decode(packed), -15))
        acs = str(asked.get("AssertionConsumerServiceURL"))
        issuer = asked.findtext(f"{{{SAML}assertion}}Issuer")
        root = etree.fromstring(_response(asked.get("ID"), acs, said.audience or str(issuer), said))
        if said.is_signed:
            self._sign(root.find(f"{{{SAML}assertion}}Assertion"))
        text = etree.tostring(root)
        if said.tampered:
            text = text.replace(said.tampered[0].encode(), said.tampered[1].encode())
        return acs, base64.b64encode(text).decode()

    def _sign(self, assertion: Any) -> None:
        exclusive = xmlsec.Transform.EXCL_C14N
        signature = xmlsec.template.create(assertion, exclusive, xmlsec.Transform.RSA_SHA256)
        assertion.insert(1, signature)
        reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri=f"#{assertion.get('ID')}")
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        xmlsec.template.add_transform(reference, exclusive)
        xmlsec.tree.add_ids(assertion, ["ID"])
        signing = xmlsec.SignatureContext()
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signing.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM)
        signing.sign(signature)


def _response(request_id: str, acs: str, audience: str, said: Said) -> bytes:
    now = datetime.now(UTC) - (timedelta(hours=2) if said.is_late else timedelta())
    at, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now, now + timedelta(minutes=5)))
    attributes = "".join(
        f'<a:Attribute Name="{name}">'
        + "".join(f"<a:AttributeValue>{value}</a:AttributeValue>" for value in values)
        + "</a:Attribute>"
        for name, values in said.attributes.items()
    )
    confirmed = f'NotOnOrAfter="{until}" Recipient="{acs}" InResponseTo="{request_id}"'
    return f"""<p:Response xmlns:p="{SAML}protocol" xmlns:a="{SAML}assertion" ID="_{uuid.uuid4().hex}" Version="2.0"
 IssueInstant="{at}" Destination="{acs}" InResponseTo="{request_id}"><a:Issuer>{ENTITY}</a:Issuer>
<p:Status><p:StatusCode Value="{SAML}status:Success"/></p:Status>
<a:Assertion ID="_{uuid.uuid4().hex}" Version="2.0" IssueInstant="{at}"><a:Issuer>{ENTITY}</a:Issuer>
<a:Subject><a:NameID Format="{SAML}nameid-format:persistent">{said.name}</a:NameID>
<a:SubjectConfirmation Method="{SAML}cm:bearer"><a:SubjectConfirmationData {confirmed}/></a:SubjectConfirmation>
</a:Subject><a:Conditions NotBefore="{at}" NotOnOrAfter="{until}">
<a:AudienceRestriction><a:Audience>{audience}</a:Audience></a:AudienceRestriction></a:Conditions>
<a:AuthnStatement AuthnInstant="{at}" SessionIndex="_{uuid.uuid4().hex}"><a:AuthnContext>
<a:AuthnContextClassRef>{SAML}ac:classes:Password</a:AuthnContextClassRef></a:AuthnContext></a:AuthnStatement>
<a:AttributeStatement><a:Attribute Name="always"><a:AttributeValue>there</a:AttributeValue></a:Attribute>{attributes}
</a:AttributeStatement></a:Assertion></p:Response>""".encode()


def _certificate(key: Any) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example.org")])
    now = datetime.now(UTC)
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = unsigned.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return dated.sign(key, hashes.SHA256())
