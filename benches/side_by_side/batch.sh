# Many commands of ip at once, and a look at what became of them.
ip -batch "$1"
ip route show
