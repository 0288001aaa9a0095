# A WireGuard tunnel, of the kernel or, where it has none, of wireguard-go.
export WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go
exec wg-quick "$1" /srv/wg0.conf
