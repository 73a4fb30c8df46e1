"""Settings of signing in that are insecure or made by half refuse to start, and say what to set."""

from pathlib import Path

import pytest

from tests.test_settings import start_with

OIDC = {
    "HOLDPOINT_OIDC_ISSUER": "https://id.example.org/realms/main",
    "HOLDPOINT_OIDC_CLIENT_ID": "holdpoint",
    "HOLDPOINT_OIDC_SECRET": "secret",
}
NO_SECRET = {**OIDC, "HOLDPOINT_OIDC_SECRET": ""}
SAML = {
    "HOLDPOINT_SAML_ENTITY_ID": "https://id.example.org/saml",
    "HOLDPOINT_SAML_SIGN_IN_URL": "https://id.example.org/saml/sign-in",
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"HOLDPOINT_TRUSTED_PROXIES": "1"}, "HOLDPOINT_BEHIND_PROXY is not. Set that to 1"),
        ({"HOLDPOINT_TRUSTED_PROXIES": "0", "HOLDPOINT_BEHIND_PROXY": "1"}, "Set it to the number of your proxies"),
        ({"HOLDPOINT_SIGN_IN_ATTEMPTS": "0"}, "HOLDPOINT_SIGN_IN_ATTEMPTS is '0'"),
        ({"HOLDPOINT_LOCKOUT_SECONDS": "0"}, "HOLDPOINT_LOCKOUT_SECONDS is '0'"),
        ({"HOLDPOINT_SECOND_FACTOR": "on,reviewers"}, "HOLDPOINT_SECOND_FACTOR is 'on,reviewers'. Set it to off, on"),
        ({"HOLDPOINT_PASSKEYS": ","}, "HOLDPOINT_PASSKEYS is ','. Set it to off, on"),
        ({"HOLDPOINT_REAUTHENTICATE": "dear"}, "Set it to one of low, medium, high, critical"),
        ({"HOLDPOINT_REAUTHENTICATE_SECONDS": "1"}, "at least 10"),
        ({**OIDC, "HOLDPOINT_OIDC_SECRET": ""}, "OpenID Connect is set by half. Set HOLDPOINT_OIDC_SECRET, too"),
        ({"HOLDPOINT_OIDC_SECRET": "x"}, "Set HOLDPOINT_OIDC_ISSUER, HOLDPOINT_OIDC_CLIENT_ID, too"),
        ({**OIDC, "HOLDPOINT_OIDC_ISSUER": "http://id.example.org"}, "begins with https://"),
        ({**NO_SECRET, "HOLDPOINT_OIDC_SECRET_FILE": "/no/such/file"}, "HOLDPOINT_OIDC_SECRET_FILE names a file"),
        ({**OIDC, "HOLDPOINT_OIDC_SECRET_FILE": "/no/such/file"}, "are both set. Unset one of them"),
        (SAML, "Set HOLDPOINT_SAML_CERTIFICATE_FILE, too"),
        ({**SAML, "HOLDPOINT_SAML_CERTIFICATE_FILE": "/no/such/file"}, "cannot be read"),
        ({"HOLDPOINT_PROVIDER_MAKES_ACCOUNTS": "1"}, "no provider is"),
        ({**OIDC, "HOLDPOINT_GROUPS_CLAIM": "groups"}, "belong together. Set both, or neither"),
        ({**OIDC, "HOLDPOINT_GROUPS_FROM_CLAIMS": "a=", "HOLDPOINT_GROUPS_CLAIM": "g"}, "holds 'a='"),
        ({**OIDC, "HOLDPOINT_GROUPS_FROM_CLAIMS": "a,a=b", "HOLDPOINT_GROUPS_CLAIM": "g"}, "holds 'a=b'"),
    ],
)
def test_a_wrong_setting_of_signing_in_is_refused_in_words(changes: dict[str, str], sentence: str) -> None:
    assert sentence in start_with(**changes)


def test_whole_settings_are_accepted(tmp_path: Path) -> None:
    secret, certificate = tmp_path / "secret", tmp_path / "certificate"
    secret.write_text("from a file\n")
    certificate.write_text("MIIC")
    named = {**OIDC, "HOLDPOINT_OIDC_SECRET": "", "HOLDPOINT_OIDC_SECRET_FILE": str(secret)}
    groups = {"HOLDPOINT_GROUPS_CLAIM": "groups", "HOLDPOINT_GROUPS_FROM_CLAIMS": "approvers=reviewers, operators"}

    assert start_with(**named, **SAML, **groups, HOLDPOINT_SAML_CERTIFICATE_FILE=str(certificate)) == ""
    assert start_with(HOLDPOINT_BEHIND_PROXY="1") == ""
    assert start_with(HOLDPOINT_SECOND_FACTOR="reviewers,operators", HOLDPOINT_PASSKEYS="on") == ""
