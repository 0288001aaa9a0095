//! Which process holds which tunnel.
//!
//! A utun is a kernel control: it lives exactly as long as the socket that is connected
//! to the control `com.apple.net.utun_control`, and its number is that of the control's
//! unit less one (`utun_ctl_connect` in bsd/net/if_utun.c). The kernel shows the sockets
//! of a process to root (`PROC_PIDFDSOCKETINFO`); others see their own processes alone,
//! so without privilege most tunnels have no known holder, which is then said.

use std::collections::HashMap;

use netprof_model::Owner;

use crate::mac::Mac;
use crate::program::by_program;

/// Which tunnels the processes hold that [`by_program`] knows. Others are not looked
/// into: a Mac has tens of thousands of open files, and to find a process that says
/// nothing is not worth asking for them all.
#[must_use]
pub fn tunnels<M: Mac>(mac: &mut M) -> HashMap<String, Owner> {
    let mut held: HashMap<String, Owner> = HashMap::new();
    let Ok(table) = mac.sysctl_named("kern.proc.all") else {
        return held;
    };
    for (pid, name) in processes(&table) {
        let owner = by_program(&name);
        if owner == Owner::Unknown {
            continue;
        }
        let descriptors = mac.descriptors(pid).unwrap_or_default();
        for descriptor in sockets(&descriptors) {
            let Some(tunnel) = mac
                .socket(pid, descriptor)
                .ok()
                .and_then(|one| tunnel(&one))
            else {
                continue;
            };
            let known = held.entry(tunnel).or_insert(owner);
            // The one that a system service holds as well is the app's.
            if *known == Owner::NetworkExtension {
                *known = owner;
            }
        }
    }
    held
}

/// Number and name of each process: `struct kinfo_proc` of bsd/sys/sysctl.h, which has
/// had these sizes and places on every 64-bit Mac.
fn processes(table: &[u8]) -> impl Iterator<Item = (i32, String)> + '_ {
    const SIZE: usize = 648;
    const PID: usize = 40;
    const NAME: usize = 243;
    const LONGEST_NAME: usize = 16;
    table.chunks_exact(SIZE).filter_map(|process| {
        let pid = number(process, PID)?;
        Some((pid, text(process.get(NAME..NAME + LONGEST_NAME)?)))
    })
}

/// The descriptors that are sockets: `struct proc_fdinfo` of bsd/sys/proc_info.h.
fn sockets(descriptors: &[u8]) -> impl Iterator<Item = i32> + '_ {
    /// PROX_FDTYPE_SOCKET.
    const SOCKET: i32 = 2;
    descriptors
        .chunks_exact(8)
        .filter(|one| number(one, 4) == Some(SOCKET))
        .filter_map(|one| number(one, 0))
}

/// The tunnel that a socket holds: `struct socket_fdinfo` of bsd/sys/proc_info.h.
fn tunnel(socket: &[u8]) -> Option<String> {
    const KIND: usize = 256;
    /// SOCKINFO_KERN_CTL.
    const KERNEL_CONTROL: i32 = 6;
    const UNIT: usize = 284;
    const NAME: usize = 288;
    let control = text(socket.get(NAME..NAME + 96)?);
    let is_utun =
        number(socket, KIND)? == KERNEL_CONTROL && control == "com.apple.net.utun_control";
    // A socket that is not connected has no unit.
    let unit = number(socket, UNIT).filter(|unit| *unit > 0)?;
    is_utun.then(|| format!("utun{}", unit - 1))
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(i32::from_le_bytes(four.try_into().ok()?))
}

/// The text up to the first zero.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn process(pid: i32, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 648];
        bytes[40..44].copy_from_slice(&pid.to_le_bytes());
        bytes[243..243 + name.len()].copy_from_slice(name.as_bytes());
        bytes
    }

    pub(crate) fn control(name: &str, unit: i32) -> Vec<u8> {
        let mut bytes = vec![0; 792];
        bytes[256..260].copy_from_slice(&6_i32.to_le_bytes());
        bytes[284..288].copy_from_slice(&unit.to_le_bytes());
        bytes[288..288 + name.len()].copy_from_slice(name.as_bytes());
        bytes
    }

    const UTUN: &str = "com.apple.net.utun_control";

    #[test]
    fn a_tunnel_has_the_number_of_its_unit_less_one() {
        assert_eq!(tunnel(&control(UTUN, 1)).as_deref(), Some("utun0"));
        assert_eq!(tunnel(&control(UTUN, 5)).as_deref(), Some("utun4"));
        assert_eq!(tunnel(&control(UTUN, 0)), None);
        assert_eq!(tunnel(&control("com.apple.net.ipsec_control", 5)), None);
        let mut other = control(UTUN, 5);
        other[256] = 2;
        assert_eq!(tunnel(&other), None);
        assert_eq!(tunnel(&control(UTUN, 5)[..300]), None);
        assert_eq!(tunnel(&[]), None);
    }

    #[test]
    fn a_name_ends_where_the_kernel_cuts_it() {
        let mut bytes = process(7, "identityservices");
        bytes[259] = b'x';
        bytes.extend([0; 100]);
        let all: Vec<_> = processes(&bytes).collect();
        assert_eq!(all, [(7, "identityservices".to_owned())]);
    }

    #[test]
    fn only_sockets_are_looked_at() {
        let mut bytes = Vec::new();
        for (descriptor, kind) in [(3_i32, 1_i32), (4, 2), (5, 2)] {
            bytes.extend(descriptor.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
        }
        assert_eq!(sockets(&bytes).collect::<Vec<_>>(), [4, 5]);
    }
}
