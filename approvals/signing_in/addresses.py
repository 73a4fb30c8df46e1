"""Where a request comes from, as far as that can be believed."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

# Whoever has one IPv6 address has a whole network of this size to themselves.
ONE_IPV6_CLIENT = 64


def client_address(request: HttpRequest) -> str | None:
    """The last address in X-Forwarded-For that no proxy of ours wrote, or the connection's own; None on a unix socket.

    What is further to the left is the client's own words.
    """
    proxies = settings.HOLDPOINT_TRUSTED_PROXIES
    named = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if proxies and len(named) >= proxies:
        return _address(named[-proxies]) or _address(request.META.get("REMOTE_ADDR", ""))
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    host = text.partition("]")[0].lstrip("[") if text.startswith("[") else text
    if host.count(":") == 1:  # some proxies write the port behind it
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, ONE_IPV6_CLIENT), strict=False).network_address)
