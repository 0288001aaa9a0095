//! Real VPN clients, each with a server of its own on a `VpnSite`.
//!
//! Each has networks, ports and a link of its own, so that several can be connected at
//! once. What it takes it takes by its own means: routes that its server pushes, rules
//! that it adds, scripts that tell resolved. Nothing here does a client's work for it.

mod openconnect;
mod openvpn;
mod strongswan;
mod tailscale;
mod wg_quick;

pub(crate) use openconnect::{OpenConnect, Tunnel};
pub(crate) use openvpn::OpenVpn;
pub(crate) use strongswan::StrongSwan;
pub(crate) use tailscale::Tailscale;
pub(crate) use wg_quick::WgQuick;

use super::lab::Lab;
use super::poll::until;

/// A VPN client that can be told what a person tells it.
pub(crate) trait Client {
    /// The link that it makes.
    fn link(&self) -> &'static str;

    /// The network of its tunnel.
    fn network(&self) -> &'static str;

    /// The server that it has names looked up by.
    fn name_server(&self) -> &'static str {
        "10.99.0.1"
    }

    /// What netprof calls it.
    fn owner(&self) -> &'static str;

    /// Which version of what it is.
    fn version(&self) -> String;

    /// Whether it says which priorities its rules have.
    fn numbers_its_rules(&self) -> bool {
        true
    }

    /// Connects. When this returns the client has said what it has to say to the kernel
    /// and to the resolver, and the corporate network answers.
    fn connect(&mut self);

    /// Connects anew without having been told to disconnect, as a change of network
    /// makes it do, or what its service has for that.
    fn reconnect(&mut self);

    /// Disconnects as a person does.
    fn disconnect(&mut self);

    /// Kills it (SIGKILL), so that it cannot put anything back.
    fn kill(&mut self);

    /// Does by hand what is left to do after it was killed, to have the machine as it
    /// was before.
    fn clear_up(&self);
}

/// The version that a program tells of itself, as the first word of its output that has
/// a number and a dot.
fn version_of(lab: &Lab, line: &str) -> String {
    let output = lab.output(line);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let number = |word: &&str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
    };
    let found = text.split_whitespace().find(number);
    found
        .unwrap_or_else(|| panic!("{line} tells no version: {text}"))
        .trim_matches(|c: char| !c.is_ascii_digit())
        .to_owned()
}

/// Waits until a link is there no more.
fn until_gone(link: &str) {
    until(&format!("{link} is gone"), || {
        !std::path::Path::new("/sys/class/net").join(link).exists()
    });
}

/// Waits until the corporate network answers.
fn until_corp_answers(lab: &Lab) {
    until("the corporate network answers", || lab.reaches("10.99.0.1"));
}

/// Waits until resolved has a server for a link.
fn until_names_are_taken(lab: &Lab, link: &str) {
    until(&format!("{link} has a name server"), || {
        lab.resolved_link(link)["DNS"]
            .as_array()
            .is_some_and(|servers| !servers.is_empty())
    });
}

/// A program that a client runs.
fn write_program(lab: &Lab, path: &str, text: &str) {
    lab.write(path, text);
    lab.run(&format!("chmod 755 {path}"));
}
