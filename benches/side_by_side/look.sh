# What a person types to see where things stand: links, addresses, rules, routes; and
# names, where it is about those, too.
ip -j link
ip -j address
ip -j rule
ip -j -6 rule
ip -j route
ip -j -6 route
[ "$1" != office ] || resolvectl
