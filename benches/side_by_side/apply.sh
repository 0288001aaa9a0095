# What a person types to have it, and to see that it is so.
ip rule add to 192.168.77.0/24 lookup main suppress_prefixlength 23 priority 110
ip -6 rule add to fd00:77::/64 lookup main suppress_prefixlength 63 priority 110
ip route add 10.99.5.0/24 via 10.99.0.1 dev corp0
ip route add 172.20.0.0/14 via 192.168.77.1 metric 50
resolvectl dns corp0 10.99.0.1 10.99.5.5
resolvectl domain corp0 corp.example '~99.10.in-addr.arpa'
ip rule
ip -6 rule
ip route
resolvectl status corp0
ip route get 192.168.77.9
ip route get 10.99.5.9
ip route get 172.20.0.0
