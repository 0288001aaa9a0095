# The same, back.
ip rule del to 192.168.77.0/24 lookup main suppress_prefixlength 23 priority 110
ip -6 rule del to fd00:77::/64 lookup main suppress_prefixlength 63 priority 110
ip route del 10.99.5.0/24 via 10.99.0.1 dev corp0
ip route del 172.20.0.0/14 via 192.168.77.1 metric 50
resolvectl dns corp0 10.99.0.1
resolvectl domain corp0 '~.'
ip rule
ip -6 rule
ip route
resolvectl status corp0
