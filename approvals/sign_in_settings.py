"""The settings of signing in. A name and a password are always there; everything else is off until it is set."""

import re
from datetime import timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from approvals import environment

RISKS = ("low", "medium", "high", "critical")
OFF, ON = "off", "on"


def _factor(name: str) -> tuple[bool, frozenset[str]]:
    """Whether people may set it up, and the groups whose members must."""
    value = environment.text(name, OFF)
    if value in (OFF, ON):
        return value == ON, frozenset()
    groups = frozenset(item.strip() for item in value.split(",") if item.strip())
    if not groups or groups & {OFF, ON}:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to off, on, or the groups that must have one: a,b.")
    return True, groups


def _whole(kind: str, values: dict[str, str]) -> bool:
    """All of it is set, or nothing."""
    missing = [name for name, value in values.items() if not value]
    if 0 < len(missing) < len(values):
        raise ImproperlyConfigured(f"{kind} is set by half. Set {', '.join(missing)}, too, or unset the others.")
    return not missing


def _safe_address(name: str, address: str) -> str:
    parts = urlsplit(address)
    is_here = environment.flag("HOLDPOINT_LOCAL") and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (is_here and parts.scheme == "http"):
        raise ImproperlyConfigured(f"{name} is {address!r}. Set it to an address that begins with https://.")
    return address.rstrip("/")


def _slug(address: str) -> str:
    """The provider in our addresses and with each account: another issuer is another provider, with other people."""
    return re.sub(r"[^a-z0-9.]+", "-", address.partition("://")[2].lower() or address.lower()).strip("-.")[:100]


def _groups_from_claims() -> dict[str, str]:
    """The claim's value to the group's name: `approvers=reviewers`, or one word where they are the same."""
    found: dict[str, str] = {}
    for item in environment.names("HOLDPOINT_GROUPS_FROM_CLAIMS", ","):
        claimed, separator, group = (part.strip() for part in item.partition("="))
        if not claimed or bool(separator) != bool(group) or claimed in found:
            raise ImproperlyConfigured(
                f"HOLDPOINT_GROUPS_FROM_CLAIMS holds {item!r}. Write reviewers, or claimed=reviewers, each once."
            )
        found[claimed] = group or claimed
    return found


# --- Names and passwords: so many failures from one address, and that address waits (docs/decisions/0013) --------
HOLDPOINT_SIGN_IN_ATTEMPTS = int(environment.number("HOLDPOINT_SIGN_IN_ATTEMPTS", 5, minimum=1))
HOLDPOINT_LOCKOUT_SECONDS = environment.number("HOLDPOINT_LOCKOUT_SECONDS", 900, minimum=1)
# How many of the last addresses in X-Forwarded-For were written by proxies of one's own.
_IS_BEHIND_PROXY = environment.flag("HOLDPOINT_BEHIND_PROXY")
HOLDPOINT_TRUSTED_PROXIES = int(environment.number("HOLDPOINT_TRUSTED_PROXIES", int(_IS_BEHIND_PROXY), minimum=0))
if HOLDPOINT_TRUSTED_PROXIES and not _IS_BEHIND_PROXY:
    raise ImproperlyConfigured(
        "HOLDPOINT_TRUSTED_PROXIES is set, and HOLDPOINT_BEHIND_PROXY is not. Set that to 1, or unset this."
    )
if _IS_BEHIND_PROXY and not HOLDPOINT_TRUSTED_PROXIES:
    raise ImproperlyConfigured(
        "HOLDPOINT_TRUSTED_PROXIES is 0 behind a proxy: everybody would seem to come from it, and one person's wrong "
        "passwords would keep others out. Set it to the number of your proxies."
    )

AXES_HANDLER = "approvals.signing_in.lockouts_recorded.RecordingHandler"  # all web processes count together
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = HOLDPOINT_SIGN_IN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(seconds=HOLDPOINT_LOCKOUT_SECONDS)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "approvals.signing_in.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "approvals.signing_in.lockout.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# --- A second factor, and passkeys -----------------------------------------------------------------------------
HAS_SECOND_FACTOR, HOLDPOINT_SECOND_FACTOR_FOR = _factor("HOLDPOINT_SECOND_FACTOR")
HAS_PASSKEYS, HOLDPOINT_PASSKEY_FOR = _factor("HOLDPOINT_PASSKEYS")
HOLDPOINT_FACTORS = HAS_SECOND_FACTOR or HAS_PASSKEYS
MFA_SUPPORTED_TYPES = [
    *(["totp"] if HAS_SECOND_FACTOR else []),
    *(["webauthn"] if HAS_PASSKEYS else []),
    *(["recovery_codes"] if HOLDPOINT_FACTORS else []),
]
MFA_PASSKEY_LOGIN_ENABLED = HAS_PASSKEYS
MFA_ADAPTER = "approvals.signing_in.adapters.FactorAdapter"
MFA_FORMS = {
    "authenticate": "approvals.signing_in.codes.CodeForm",
    "reauthenticate": "approvals.signing_in.codes.CodeAgainForm",
}
MFA_TOTP_ISSUER = "Holdpoint"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an address is no part of signing in here
MFA_REAUTHENTICATION_REQUIRED = True

# --- Who it is, asked again before a dear approval ----------------------------------------------------------------
HOLDPOINT_REAUTHENTICATE = environment.text("HOLDPOINT_REAUTHENTICATE", "")
if HOLDPOINT_REAUTHENTICATE and HOLDPOINT_REAUTHENTICATE not in RISKS:
    raise ImproperlyConfigured(
        f"HOLDPOINT_REAUTHENTICATE is {HOLDPOINT_REAUTHENTICATE!r}. Set it to one of {', '.join(RISKS)}, or unset it."
    )
HOLDPOINT_REAUTHENTICATE_SECONDS = environment.number("HOLDPOINT_REAUTHENTICATE_SECONDS", 300, minimum=10)
ACCOUNT_REAUTHENTICATION_TIMEOUT = HOLDPOINT_REAUTHENTICATE_SECONDS

# --- Providers -----------------------------------------------------------------------------------------------------
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}

_oidc = {
    "HOLDPOINT_OIDC_ISSUER": environment.text("HOLDPOINT_OIDC_ISSUER", ""),
    "HOLDPOINT_OIDC_CLIENT_ID": environment.text("HOLDPOINT_OIDC_CLIENT_ID", ""),
    "HOLDPOINT_OIDC_SECRET": environment.secret("HOLDPOINT_OIDC_SECRET", ""),
}
HAS_OIDC = _whole("Signing in by OpenID Connect", _oidc)
if HAS_OIDC:
    _issuer = _safe_address("HOLDPOINT_OIDC_ISSUER", _oidc["HOLDPOINT_OIDC_ISSUER"])
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APP": {
            "provider_id": _slug(_issuer),
            "name": environment.text("HOLDPOINT_OIDC_NAME", "single sign-on"),
            "client_id": _oidc["HOLDPOINT_OIDC_CLIENT_ID"],
            "secret": _oidc["HOLDPOINT_OIDC_SECRET"],
            # The proof key binds the provider's answer to this browser's question, as a nonce would.
            "settings": {"server_url": _issuer, "oauth_pkce_enabled": True},
        }
    }

_SAML_CERTIFICATE = "HOLDPOINT_SAML_CERTIFICATE_FILE"
_saml = {
    "HOLDPOINT_SAML_ENTITY_ID": environment.text("HOLDPOINT_SAML_ENTITY_ID", ""),
    "HOLDPOINT_SAML_SIGN_IN_URL": environment.text("HOLDPOINT_SAML_SIGN_IN_URL", ""),
    _SAML_CERTIFICATE: environment.text(_SAML_CERTIFICATE, ""),
}
_attributes = environment.json_object("HOLDPOINT_SAML_ATTRIBUTES")
HAS_SAML = _whole("Signing in by SAML", _saml)
if HAS_SAML:
    if not find_spec("onelogin"):
        raise ImproperlyConfigured("HOLDPOINT_SAML_ENTITY_ID needs python3-saml. Install the extra: holdpoint[saml].")
    SOCIALACCOUNT_PROVIDERS["saml"] = {
        "APP": {
            "provider_id": _slug(_saml["HOLDPOINT_SAML_ENTITY_ID"]),
            "name": environment.text("HOLDPOINT_SAML_NAME", "single sign-on"),
            "client_id": _slug(_saml["HOLDPOINT_SAML_ENTITY_ID"]),
            "settings": {
                "idp": {
                    "entity_id": _saml["HOLDPOINT_SAML_ENTITY_ID"],
                    "sso_url": _safe_address("HOLDPOINT_SAML_SIGN_IN_URL", _saml["HOLDPOINT_SAML_SIGN_IN_URL"]),
                    "x509cert": environment.content(_SAML_CERTIFICATE, _saml[_SAML_CERTIFICATE]),
                },
                "advanced": {
                    "strict": True,
                    "want_assertion_signed": True,
                    "reject_deprecated_algorithm": True,
                    "reject_idp_initiated_sso": True,
                    "allow_single_label_domains": environment.flag("HOLDPOINT_LOCAL"),
                },
                # An organisation's own directory says whose address is whose; asked only if that is trusted, below.
                "verified_email": environment.flag("HOLDPOINT_PROVIDER_EMAILS_TRUSTED"),
                **({"attribute_mapping": _attributes} if _attributes else {}),
            },
        }
    }

# Whether somebody whom a provider knows, and nobody here does, gets an account at their first sign-in.
HOLDPOINT_PROVIDER_MAKES_ACCOUNTS = environment.flag("HOLDPOINT_PROVIDER_MAKES_ACCOUNTS")
# Whether a verified e-mail address from the provider finds the account that has it.
HOLDPOINT_PROVIDER_EMAILS_TRUSTED = environment.flag("HOLDPOINT_PROVIDER_EMAILS_TRUSTED")
HOLDPOINT_GROUPS_CLAIM = environment.text("HOLDPOINT_GROUPS_CLAIM", "")
HOLDPOINT_GROUPS_FROM_CLAIMS = _groups_from_claims()
if bool(HOLDPOINT_GROUPS_CLAIM) != bool(HOLDPOINT_GROUPS_FROM_CLAIMS):
    raise ImproperlyConfigured(
        "HOLDPOINT_GROUPS_CLAIM and HOLDPOINT_GROUPS_FROM_CLAIMS belong together. Set both, or neither."
    )
if not SOCIALACCOUNT_PROVIDERS and (
    HOLDPOINT_PROVIDER_MAKES_ACCOUNTS or HOLDPOINT_PROVIDER_EMAILS_TRUSTED or HOLDPOINT_GROUPS_CLAIM
):
    raise ImproperlyConfigured(
        "HOLDPOINT_PROVIDER_... and HOLDPOINT_GROUPS_... are set, and no provider is. "
        "Set HOLDPOINT_OIDC_ISSUER or HOLDPOINT_SAML_ENTITY_ID, or unset them."
    )

SOCIALACCOUNT_ADAPTER = "approvals.signing_in.providers.ProviderAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# A link, since a browser would hold the provider's address against our form-action; only ever to sign in (urls.py).
SOCIALACCOUNT_LOGIN_ON_GET = True

ACCOUNT_ADAPTER = "approvals.signing_in.adapters.PersonAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ALLAUTH_TRUSTED_PROXY_COUNT = HOLDPOINT_TRUSTED_PROXIES

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
SIGN_IN_APPS = [
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *(f"allauth.socialaccount.providers.{name}" for name in SOCIALACCOUNT_PROVIDERS),
]
