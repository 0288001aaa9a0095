# What openconnect hands to its script when it connects to an ocserv that splits, as
# recorded, with the networks and names of this office.
export reason="$1" TUNDEV=tun0 VPNGATEWAY=203.0.113.10 VPNPID=97
export INTERNAL_IP4_ADDRESS=10.9.0.50 INTERNAL_IP4_MTU=1434
export INTERNAL_IP4_NETADDR=10.9.0.0 INTERNAL_IP4_NETMASK=255.255.255.0 INTERNAL_IP4_NETMASKLEN=24
export INTERNAL_IP4_DNS='10.99.0.1 10.99.5.5' CISCO_DEF_DOMAIN=corp.example
export CISCO_SPLIT_INC=2
export CISCO_SPLIT_INC_0_ADDR=10.98.0.0 CISCO_SPLIT_INC_0_MASK=255.255.0.0 CISCO_SPLIT_INC_0_MASKLEN=16
export CISCO_SPLIT_INC_1_ADDR=172.21.0.0 CISCO_SPLIT_INC_1_MASK=255.255.0.0 CISCO_SPLIT_INC_1_MASKLEN=16
exec /usr/share/vpnc-scripts/vpnc-script
