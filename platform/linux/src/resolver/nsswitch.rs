//! The `hosts` line of `/etc/nsswitch.conf`: which services glibc asks for a name.
//!
//! `resolve` hands a name to resolved itself, whatever `/etc/resolv.conf` says
//! (nss-resolve(8)); without it everything goes through `dns`, and so through that file.

/// The services of the `hosts` line, in order, without their reactions (`[!UNAVAIL=return]`).
/// None where there is no such line: glibc then asks `files dns`.
#[must_use]
pub fn hosts(text: &str) -> Option<Vec<String>> {
    // glibc takes the last of several lines.
    let line = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .filter_map(|line| line.split_once(':'))
        .filter(|(database, _)| database.trim() == "hosts")
        .map(|(_, services)| services)
        .next_back()?;
    let mut plain = String::new();
    let mut in_reaction = false;
    for character in line.chars() {
        match character {
            '[' => {
                in_reaction = true;
                plain.push(' ');
            }
            ']' => in_reaction = false,
            _ if !in_reaction => plain.push(character),
            _ => {}
        }
    }
    Some(plain.split_whitespace().map(str::to_owned).collect())
}

/// What glibc asks without a line (`NSS_DEFAULT_HOSTS` in its nss/nss_database.c).
#[must_use]
pub fn default_hosts() -> Vec<String> {
    ["files", "dns"].map(str::to_owned).to_vec()
}

/// The library of the `resolve` service.
pub const LIBRARY: &str = "libnss_resolve.so.2";

/// The folders that glibc's loader looks into on the common distributions, without the
/// multi-arch ones, which are named after the machine.
pub const LIBRARY_FOLDERS: &[&str] = &[
    "usr/lib",
    "usr/lib64",
    "lib",
    "lib64",
    "run/current-system/sw/lib",
];

/// Whether `folder` is the multi-arch folder of a machine like this one
/// (`x86_64-linux-gnu`).
#[must_use]
pub fn is_multiarch(folder: &str) -> bool {
    is_multiarch_of(
        std::env::consts::ARCH,
        cfg!(target_endian = "little"),
        folder,
    )
}

/// The same, of a machine that Rust calls `arch`. Debian names folders by GNU's names of
/// machines (dpkg-architecture(1), `DEB_HOST_MULTIARCH`).
fn is_multiarch_of(arch: &str, little: bool, folder: &str) -> bool {
    let names: &[&str] = match (arch, little) {
        ("x86", _) => &["i386", "i486", "i586", "i686"],
        ("powerpc64", true) => &["powerpc64le"],
        ("mips", true) => &["mipsel"],
        ("mips64", true) => &["mips64el"],
        _ => &[arch],
    };
    names.iter().any(|name| {
        folder
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with("-linux-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reactions_and_comments_are_left_out() {
        assert_eq!(
            hosts("passwd: files\nhosts: mymachines resolve [!UNAVAIL=return] files myhostname dns # x\n").unwrap(),
            ["mymachines", "resolve", "files", "myhostname", "dns"]
        );
        assert_eq!(
            hosts("hosts:files mdns4_minimal [NOTFOUND=return]dns").unwrap(),
            ["files", "mdns4_minimal", "dns"]
        );
        assert_eq!(hosts("#hosts: files\n"), None);
    }

    #[test]
    fn the_folder_of_this_machine_is_known() {
        assert!(is_multiarch(&format!(
            "{}-linux-gnu",
            std::env::consts::ARCH
        )));
        assert!(!is_multiarch("systemd"));
        for (arch, little, folder) in [
            ("x86_64", true, "x86_64-linux-gnu"),
            ("x86", true, "i386-linux-gnu"),
            ("aarch64", true, "aarch64-linux-gnu"),
            ("arm", true, "arm-linux-gnueabihf"),
            ("powerpc64", true, "powerpc64le-linux-gnu"),
            ("powerpc64", false, "powerpc64-linux-gnu"),
            ("s390x", false, "s390x-linux-gnu"),
            ("riscv64", true, "riscv64-linux-gnu"),
        ] {
            assert!(is_multiarch_of(arch, little, folder), "{folder}");
        }
        assert!(!is_multiarch_of("powerpc64", true, "powerpc64-linux-gnu"));
        assert!(!is_multiarch_of("x86", true, "x86_64-linux-gnu"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let _ = hosts(&text);
        }
    }
}
