//! The Mac that most tests begin with.

use netprof_model::Snapshot;

use crate::mac::mac;

/// A laptop on Wi-Fi alone, and what `text` adds to it.
pub(crate) fn wifi(text: &str) -> Snapshot {
    mac(&format!("{WIFI}\nInternet:\n{text}"))
}

const WIFI: &str = "
en0:
    inet 192.168.7.20/24
    inet6 fd00:7::20/64
    inet6 fe80::20/64
Internet:
default            192.168.7.1        UGScg     en0
169.254            link#11            UCS       en0       !
192.168.7          link#11            UCS       en0       !
192.168.7.1/32     link#11            UCS       en0       !
192.168.7.1        2:0:5e:0:53:32     UHLWIir   en0       1196
192.168.7.20/32    link#11            UCS       en0       !
224.0.0/4          link#11            UmCS      en0       !
255.255.255.255/32 link#11            UCS       en0       !
Internet6:
default            fe80::1%en0        UGcg      en0
fd00:7::/64        link#11            UC        en0
fd00:7::20         02:00:5e:00:53:02  UHL       lo0
fe80::%en0/64      link#11            UCI       en0
ff00::/8           link#11            UmCI      en0
";
