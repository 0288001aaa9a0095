use crate::harness::{Bus, DnsServer, Lab, Peer, Resolved, Zone};

pub(crate) fn names_of_a_domain_go_to_its_server_only(lab: &Lab) {
    lab.run("ip link set lo up");
    let lan = Peer::new(lab, "lan");
    let corp = Peer::new(lab, "corp");
    lan.cable("lan0");
    corp.cable("corp0");
    lab.run("ip addr add 192.168.77.2/24 dev lan0");
    lab.run("ip addr add 10.99.0.2/24 dev corp0");
    lan.run("ip addr add 192.168.77.1/24 dev eth0");
    corp.run("ip addr add 10.99.0.1/24 dev eth0");
    let lan_dns = DnsServer::start(&lan, &Zone::new().domain("home.arpa", &["192.168.77.50"]).host("nas.home.arpa", &["192.168.77.50"]));
    let corp_dns = DnsServer::start(&corp, &Zone::new().host("git.corp.example", &["10.99.5.5"]));
    let _bus = Bus::start(lab);
    let _resolved = Resolved::start(lab);
    lab.run("resolvectl dns lan0 192.168.77.1");
    lab.run("resolvectl domain lan0 ~.");
    lab.run("resolvectl dns corp0 10.99.0.1");
    lab.run("resolvectl domain corp0 ~corp.example");
    lab.run("resolvectl default-route corp0 no");
    assert!(lab.run("getent ahostsv4 git.corp.example").starts_with("10.99.5.5 "));
    assert!(lab.run("getent ahostsv4 nas.home.arpa").starts_with("192.168.77.50 "));
    assert_eq!(lan_dns.names_seen(), ["nas.home.arpa"]);
    assert_eq!(corp_dns.names_seen(), ["git.corp.example"]);
}
