//! Writing a profile back.
//!
//! The text is canonical: one profile has one text, and reading it gives the
//! profile again, but for places and for passwords, which are never written. So
//! what a person is shown is what they could have written without an include.

use std::fmt::Display;

use ipnet::IpNet;
use netprof_model::profile::{
    Containers, KeepLan, LinkDecl, Pool, Profile, Proxy, RouteDecl, RouteTarget, Routes, Scope,
    Servers, Spanned, When,
};

use crate::value::name_of_export;

/// The profile as canonical text.
#[must_use]
pub fn show(profile: &Profile) -> String {
    let mut out = Text::default();
    out.block(
        format!("profile {}", quoted(profile.name.as_str())),
        |out| {
            if let Some(description) = &profile.description {
                out.line(format!("description {}", quoted(description)));
            }
            out.section(|out| profile.links.iter().for_each(|one| link(out, one)));
            if !profile.scopes.is_empty() {
                out.section(|out| {
                    out.block("dns", |out| {
                        profile.scopes.iter().for_each(|one| scope(out, one));
                    });
                });
            }
            out.section(|out| routes(out, &profile.routes));
            out.section(|out| containers(out, &profile.containers));
            out.section(|out| profile.proxy.iter().for_each(|one| proxy(out, one)));
            out.section(|out| {
                for mtu in &profile.mtu {
                    out.line(format!(
                        "mtu {} {}",
                        quoted(mtu.link.value.as_str()),
                        mtu.bytes
                    ));
                }
                for clamp in &profile.clamp_mss {
                    out.line(format!("clamp-mss {}", quoted(clamp.link.value.as_str())));
                }
            });
            out.section(|out| profile.when.iter().for_each(|one| when(out, one)));
        },
    );
    out.text
}

/// Lines with their indentation.
#[derive(Default)]
struct Text {
    text: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, line: impl Display) {
        self.text.push_str(&"    ".repeat(self.depth));
        self.text.push_str(&line.to_string());
        self.text.push('\n');
    }

    fn block(&mut self, head: impl Display, inner: impl FnOnce(&mut Self)) {
        self.line(format!("{head} {{"));
        self.depth += 1;
        inner(self);
        self.depth -= 1;
        self.line("}");
    }

    /// Sets what `inner` writes apart from what stands before, if it writes any.
    fn section(&mut self, inner: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        inner(self);
        if self.text.len() > start && !self.text[..start].ends_with("{\n") {
            self.text.insert(start, '\n');
        }
    }
}

/// Text in quotes, with the escapes that it needs.
fn quoted(text: &str) -> String {
    let mut result = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '\n' => result.push_str("\\n"),
            ' ' => result.push(c),
            // What looks like nothing, or turns the text around, is shown as a number.
            c if c.is_control() || c.is_whitespace() || crate::syntax::is_forbidden(c) => {
                result.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => result.push(c),
        }
    }
    result.push('"');
    result
}

fn quoted_all<T>(values: &[Spanned<T>], show: impl Fn(&T) -> String) -> String {
    let values: Vec<String> = values.iter().map(|one| quoted(&show(&one.value))).collect();
    values.join(" ")
}

fn texts(values: &[Spanned<String>]) -> String {
    quoted_all(values, String::clone)
}

/// A node and its properties.
struct Line(String);

impl Line {
    fn text(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.0
                .push_str(&format!(" {key}={}", quoted(&value.to_string())));
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.0.push_str(&format!(" {key}={value}"));
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.0.push_str(&format!(" {key}=#true"));
        }
    }
}

fn link(out: &mut Text, link: &LinkDecl) {
    let mut head = Line(format!("link {}", quoted(link.name.as_str())));
    head.flag("optional", link.optional);
    head.flag("many", link.many);
    let mut line = Line("match".to_owned());
    for (property, text) in link.matching.texts() {
        line.text(property, Some(text));
    }
    line.number(
        "default-route",
        link.matching.default_route.map(|flag| format!("#{flag}")),
    );
    out.block(head.0, |out| out.line(line.0));
}

fn scope(out: &mut Text, scope: &Scope) {
    out.block(format!("scope {}", quoted(scope.name.as_str())), |out| {
        if !scope.domains.is_empty() {
            out.line(format!("domains {}", texts(&scope.domains)));
        }
        if !scope.search.is_empty() {
            out.line(format!("search {}", texts(&scope.search)));
        }
        out.line(match &scope.servers {
            Servers::Listed(servers) => {
                format!("servers {}", quoted_all(servers, ToString::to_string))
            }
            Servers::Hook(_) => "servers from=\"hook\"".to_owned(),
            Servers::Dhcp(_) => "servers from=\"dhcp\"".to_owned(),
        });
        if let Some(link) = &scope.link {
            out.line(format!("link {}", quoted(link.value.as_str())));
        }
        if scope.default_route {
            out.line("default-route #true");
        }
        if scope.durable {
            out.line("durable #true");
        }
    });
}

fn routes(out: &mut Text, routes: &Routes) {
    if *routes == Routes::default() {
        return;
    }
    out.block("routes", |out| {
        if routes.keep_localhost.is_some() {
            out.line("keep-localhost");
        }
        routes.keep_lan.iter().for_each(|keep| keep_lan(out, keep));
        routes.routes.iter().for_each(|one| route(out, one));
    });
}

fn keep_lan(out: &mut Text, keep: &KeepLan) {
    let mut head = Line("keep-lan".to_owned());
    if !keep.links.is_empty() {
        let links = quoted_all(&keep.links, ToString::to_string);
        head.0.push_str(&format!(" {links}"));
    }
    head.flag("allow-public", keep.allow_public);
    if keep.also.is_empty() {
        out.line(head.0);
        return;
    }
    out.block(head.0, |out| {
        for also in &keep.also {
            let mut line = Line(format!("also {}", prefix(also.prefix)));
            line.text("via", also.via);
            out.line(line.0);
        }
    });
}

fn prefix(prefix: IpNet) -> String {
    quoted(&prefix.to_string())
}

fn route(out: &mut Text, route: &RouteDecl) {
    let RouteTarget::Through { via, link } = &route.target else {
        out.line(format!("unreachable {}", prefix(route.prefix)));
        return;
    };
    let mut line = Line(format!("route {}", prefix(route.prefix)));
    line.text("via", via.as_ref());
    line.text("link", link.as_ref().map(|link| &link.value));
    line.number("metric", route.metric);
    line.text("src", route.src);
    line.flag("replace", route.replace);
    out.line(line.0);
}

fn containers(out: &mut Text, containers: &Containers) {
    if *containers == Containers::default() {
        return;
    }
    out.block("containers", |out| {
        if containers.keep_local.is_some() {
            out.line("keep-local");
        }
        if let Some(docker) = &containers.docker {
            engine(out, "docker", "bridge", docker.bridge, &docker.pools);
        }
        if let Some(podman) = &containers.podman {
            engine(out, "podman", "subnet", podman.subnet, &podman.pools);
        }
    });
}

fn engine(out: &mut Text, name: &str, own: &str, address: Option<IpNet>, pools: &[Pool]) {
    out.block(name, |out| {
        if let Some(address) = address {
            out.line(format!("{own} {}", prefix(address)));
        }
        for pool in pools {
            out.line(format!("pool {} size={}", prefix(pool.prefix), pool.size));
        }
    });
}

fn proxy(out: &mut Text, proxy: &Proxy) {
    out.block("proxy", |out| {
        for (kind, url) in [
            ("http", &proxy.http),
            ("https", &proxy.https),
            ("socks", &proxy.socks),
            ("pac", &proxy.pac),
        ] {
            if let Some(url) = url {
                out.line(format!("{kind} {}", quoted(&url.value.redacted())));
            }
        }
        if !proxy.bypass.is_empty() {
            out.line(format!("bypass {}", texts(&proxy.bypass)));
        }
        if !proxy.export.is_empty() {
            let places = quoted_all(&proxy.export, |place| name_of_export(*place).to_owned());
            out.line(format!("export {places}"));
        }
    });
}

fn when(out: &mut Text, when: &When) {
    out.block("when", |out| {
        let mut line = |key: &str, values: String| {
            if !values.is_empty() {
                out.line(format!("{key} {values}"));
            }
        };
        line("link", quoted_all(&when.links, ToString::to_string));
        line("ssid", texts(&when.ssids));
        line("gateway-mac", texts(&when.gateway_macs));
        line("dns-suffix", texts(&when.dns_suffixes));
        line("address", quoted_all(&when.addresses, ToString::to_string));
        line("reachable", texts(&when.reachable));
    });
}
