# What a person types to see where things stand.
ip -j link
ip -j address
ip -j rule
ip -j -6 rule
ip -j route show table all
ip -j -6 route show table all
resolvectl
