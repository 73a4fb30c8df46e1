"""The addresses of signing in: of allauth's, those that are needed, and only for what the settings turn on."""

from importlib import import_module

from allauth.account.views import reauthenticate
from django.conf import settings
from django.urls import URLPattern, URLResolver, path, reverse_lazy
from django.views.decorators.cache import never_cache

from approvals.views import signing_in


def _factors() -> list[URLPattern]:
    base, codes = import_module("allauth.mfa.base.views"), import_module("allauth.mfa.recovery_codes.views")
    return [
        path("", base.index, name="mfa_index"),
        path("sign-in/", base.authenticate, name="mfa_authenticate"),
        path("again/", never_cache(base.reauthenticate), name="mfa_reauthenticate"),
        path("recovery-codes/", never_cache(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
        path("recovery-codes/new/", never_cache(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    ]


def _codes_of_an_app() -> list[URLPattern]:
    totp = import_module("allauth.mfa.totp.views")
    return [
        path("app/", never_cache(signing_in.soon_after_signing_in(totp.activate_totp)), name="mfa_activate_totp"),
        path("app/remove/", never_cache(totp.deactivate_totp), name="mfa_deactivate_totp"),
    ]


def _passkeys() -> list[URLPattern]:
    views = import_module("allauth.mfa.webauthn.views")
    add = signing_in.soon_after_signing_in(views.add_webauthn)
    remove = views.RemoveWebAuthnView.as_view(success_url=reverse_lazy("mfa_index"))
    return [
        path("passkeys/sign-in/", never_cache(views.login_webauthn), name="mfa_login_webauthn"),
        path("passkeys/add/", never_cache(add), name="mfa_add_webauthn"),
        path("passkeys/again/", never_cache(views.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
        path("passkeys/<int:pk>/remove/", never_cache(remove), name="mfa_remove_webauthn"),
    ]


def _oidc() -> list[URLPattern]:
    views = import_module("allauth.socialaccount.providers.openid_connect.views")
    begin = signing_in.only_to_sign_in(views.login)
    return [
        path("oidc/<str:provider_id>/login/", begin, name="openid_connect_login"),
        path("oidc/<str:provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
    ]


def _saml() -> list[URLPattern]:
    views = import_module("allauth.socialaccount.providers.saml.views")
    begin = signing_in.only_to_sign_in(views.login)
    return [
        path("saml/<str:organization_slug>/login/", begin, name="saml_login"),
        path("saml/<str:organization_slug>/acs/", signing_in.answer_of_provider(views.acs), name="saml_acs"),
        path("saml/<str:organization_slug>/acs/finish/", views.finish_acs, name="saml_finish_acs"),
        path("saml/<str:organization_slug>/sls/", views.sls, name="saml_sls"),
        path("saml/<str:organization_slug>/metadata/", views.metadata, name="saml_metadata"),
    ]


def _under(prefix: str, patterns: list[URLPattern]) -> URLResolver:
    return path(prefix, ([*patterns], None, None))


urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", signing_in.sign_in, name="account_login"),
    path("login/", signing_in.sign_in, name="login"),
    path("logout/", signing_in.sign_out, name="logout"),
    path("inactive/", signing_in.inactive, name="account_inactive"),
    path("cancelled/", signing_in.cancelled, name="socialaccount_login_cancelled"),
    path("again/", never_cache(reauthenticate), name="account_reauthenticate"),
    *([_under("second-factor/", _factors())] if settings.HOLDPOINT_FACTORS else []),
    *([_under("second-factor/", _codes_of_an_app())] if settings.HAS_SECOND_FACTOR else []),
    *([_under("second-factor/", _passkeys())] if settings.HAS_PASSKEYS else []),
    *(_oidc() if settings.HAS_OIDC else []),
    *(_saml() if settings.HAS_SAML else []),
]
