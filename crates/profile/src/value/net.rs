//! Addresses, prefixes, servers.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use netprof_model::dns::DnsServer;

use super::{Read, domain, text};
use crate::code;
use crate::form::Refusal;
use crate::suggest::Shown;
use crate::syntax::Value;

/// An address.
fn address(value: &Value<'_>) -> Read<IpAddr> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        let refusal = Refusal::new(
            code::BAD_ADDRESS,
            format!("`{}` is no address", Shown(text)),
            "not an address",
        );
        match IpNet::from_str(text) {
            Ok(net) => refusal.help(format!("without a length: write \"{}\"", net.addr())),
            Err(_) => refusal.help("write an address such as \"192.168.1.1\" or \"fd00::1\""),
        }
    })
}

/// An address that packets can be sent to: a gateway, or a source.
pub(crate) fn gateway(value: &Value<'_>) -> Read<IpAddr> {
    let address = address(value)?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(Refusal::new(
            code::BAD_ADDRESS,
            format!("`{address}` is the address of no machine on a link"),
            "not the address of a machine",
        )
        .help("write an address of the link's own subnet"));
    }
    Ok(address)
}

/// A prefix with its length.
fn any_prefix(value: &Value<'_>) -> Read<IpNet> {
    let text = text(value)?;
    IpNet::from_str(text).map_err(|_| {
        let refusal = Refusal::new(
            code::BAD_PREFIX,
            format!("`{}` is no prefix", Shown(text)),
            "not a prefix",
        );
        if text == "default" {
            return refusal.help("write \"0.0.0.0/0\" or \"::/0\"");
        }
        match text.parse::<IpAddr>() {
            Ok(address) => refusal.help(format!(
                "a prefix has a length: write \"{}\" for this address alone",
                IpNet::from(address)
            )),
            Err(_) => refusal.help(match completed(text) {
                Some(net) => format!("write \"{net}\""),
                None => "write a prefix such as \"10.0.0.0/8\" or \"fd00::/8\"".to_owned(),
            }),
        }
    })
}

/// `10/8` as it is meant.
fn completed(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let missing = 3_usize.checked_sub(address.matches('.').count())?;
    let whole = format!(
        "{}{}/{length}",
        address.trim_end_matches('.'),
        ".0".repeat(missing)
    );
    whole.parse().ok()
}

/// A prefix without host bits.
pub(crate) fn prefix(value: &Value<'_>) -> Read<IpNet> {
    let net = any_prefix(value)?;
    if net.trunc() != net {
        return Err(Refusal::new(
            code::HOST_BITS,
            format!("`{net}` has bits set after its length"),
            "host bits are set",
        )
        .help(format!(
            "write \"{}\", or \"{}\" for this address alone",
            net.trunc(),
            IpNet::from(net.addr())
        )));
    }
    Ok(net)
}

/// The address of a bridge, with the length of its prefix.
pub(crate) fn bridge(value: &Value<'_>) -> Read<IpNet> {
    let net = any_prefix(value)?;
    let alone = net.prefix_len() == net.max_prefix_len();
    if net.addr() == net.network()
        || (net.addr().is_ipv4() && net.addr() == net.broadcast())
        || alone
    {
        return Err(Refusal::new(
            code::BAD_ADDRESS,
            format!("`{net}` is not the address of a bridge in its subnet"),
            "no machine can have this address",
        )
        .help("write the bridge's own address with its length, such as \"172.30.0.1/24\""));
    }
    Ok(net)
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok().filter(|port| *port > 0))
        .flatten()
}

fn bad_port(text: &str) -> Refusal {
    Refusal::new(
        code::OUT_OF_RANGE,
        format!("`{}` is no port", Shown(text)),
        "not a port",
    )
    .help("a port is a number from 1 to 65535")
}

/// A DNS server: `ADDR`, `ADDR:PORT` or `[ADDR6]:PORT`.
pub(crate) fn server(value: &Value<'_>) -> Read<DnsServer> {
    let text = text(value)?;
    let with_port = |address: IpAddr, number: &str| {
        let port = port(number).ok_or_else(|| bad_port(number))?;
        Ok(DnsServer {
            address,
            // 53 is what a server without a port has: one way to say one thing.
            port: (port != 53).then_some(port),
            server_name: None,
        })
    };
    let server = if let Ok(address) = text.parse::<IpAddr>() {
        DnsServer::at(address)
    } else if let Some((address, number)) = bracketed(text) {
        match number {
            None => DnsServer::at(address),
            Some(number) => with_port(address, number)?,
        }
    } else if let Some((Ok(address), number)) = text
        .split_once(':')
        .map(|(address, number)| (address.parse::<IpAddr>(), number))
    {
        with_port(address, number)?
    } else {
        let refusal = Refusal::new(
            code::BAD_SERVER,
            format!("`{}` is no address of a server", Shown(text)),
            "not an address",
        );
        return Err(if text.contains('#') || text.contains("://") {
            refusal.help("DNS over TLS or HTTPS cannot be declared: write the address alone")
        } else if text.contains(|c: char| c.is_ascii_alphabetic()) && !text.contains(':') {
            refusal.help("a server is asked for names, so it has none: write its address")
        } else {
            refusal.help("write \"10.0.0.53\", \"10.0.0.53:5353\" or \"[fd00::53]:5353\"")
        });
    };
    if server.address.is_unspecified() || server.address.is_multicast() {
        return Err(Refusal::new(
            code::BAD_SERVER,
            format!("`{}` is the address of no server", server.address),
            "no machine has this address",
        )
        .help("write the address of the server"));
    }
    Ok(server)
}

/// The address and port of `[ADDR]` or `[ADDR]:PORT`.
fn bracketed(text: &str) -> Option<(IpAddr, Option<&str>)> {
    let (address, rest) = text.strip_prefix('[')?.split_once(']')?;
    let address = address.parse().ok().filter(IpAddr::is_ipv6)?;
    match rest {
        "" => Some((address, None)),
        rest => Some((address, Some(rest.strip_prefix(':')?))),
    }
}

/// A host and a port, in lower case: `HOST:PORT`.
pub(crate) fn host_port(value: &Value<'_>) -> Read<String> {
    let written = text(value)?;
    let refusal = Refusal::new(
        code::BAD_HOST,
        format!("`{}` is no host and port", Shown(written)),
        "not a host and port",
    )
    .help("write \"HOST:PORT\", such as \"intranet.example.com:443\" or \"[fd00::1]:22\"");
    if let Some((address, number)) = bracketed(written) {
        let number = number.ok_or(refusal)?;
        let port = port(number).ok_or_else(|| bad_port(number))?;
        return Ok(SocketAddr::new(address, port).to_string());
    }
    let Some((host, number)) = written.rsplit_once(':') else {
        return Err(refusal);
    };
    let host = domain(&Value::Text(host.into())).map_err(|_| refusal)?;
    let port = port(number).ok_or_else(|| bad_port(number))?;
    Ok(format!("{host}:{port}"))
}

/// A hardware address, in lower case with colons.
pub(crate) fn mac(value: &Value<'_>) -> Read<String> {
    let text = text(value)?;
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let right = parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !right {
        return Err(Refusal::new(
            code::BAD_MAC,
            format!("`{}` is no hardware address", Shown(text)),
            "not a hardware address",
        )
        .help("write six pairs of hexadecimal digits: \"aa:bb:cc:dd:ee:ff\""));
    }
    Ok(parts.join(":").to_ascii_lowercase())
}
