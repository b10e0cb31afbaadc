"""Which addresses a request may go to. A name is resolved once, and the connection goes to the address checked.

An endpoint is an address that a user gives to a server: without this it could be made to ask the machine's own
services, its neighbours, or a cloud's metadata service for their keys (OWASP: server-side request forgery).
"""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Outside the private ranges, and yet the inside of a cloud: Azure's agent and metadata service.
_INSIDE = (ipaddress.ip_address("168.63.129.16"),)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not public, whatever the standard library says: a network's own translation to IPv4 (RFC 8215), site-local (RFC 3879).
_LOCAL = (ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("fec0::/10"))


class Refused(Exception):
    """The host must not be asked; the text says which address it has and why."""


class Unknown(Exception):
    """The name has no address."""


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of ``host`` in the order to try them. Raises Unknown, and Refused when any is not public.

    One private address among public ones is enough to refuse: which of them a later look-up gives is up to the
    name's owner.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unknown(f"the name {host} was not found ({_words(error)})") from None
    addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for address in addresses:
        if not allow_private and (why := why_private(address)):
            shown = host if host == address else f"{host} ({address})"
            raise Refused(f"{shown} is {why}, not a public address")
    return addresses


def why_private(address: str) -> str:
    """What kind of inner address this is, in words; empty for a public one."""
    ip = _innermost(ipaddress.ip_address(address))
    if ip in _INSIDE:
        return "a cloud's inner service"
    if ip.is_unspecified:
        return "the unspecified address"
    if ip.is_loopback:
        return "this machine itself"
    if ip.is_link_local:
        return "a link-local address"
    if ip.is_multicast:
        return "a multicast address"
    local = not ip.is_global or any(ip in network for network in _LOCAL)
    return "a private or reserved address" if local else ""


def _innermost(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64, or the old compatible form."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)[:100]
