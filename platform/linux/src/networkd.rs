//! What systemd-networkd does with routes and rules that it did not make.
//!
//! It says so nowhere but in its configuration, so that is read as it reads it
//! (networkd.conf(5)): one main file, the first that is there, then all drop-ins in the
//! order of their names, of which each name counts once. What a running networkd goes by
//! is the configuration of when it was started; an edit since then is taken for in force.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use netprof_model::snapshot::Networkd;

use crate::resolver::files;

/// Where configuration lies, the strongest first.
const FOLDERS: [&str; 4] = [
    "etc/systemd",
    "run/systemd",
    "usr/local/lib/systemd",
    "usr/lib/systemd",
];

/// The most of one file that is read.
const MOST: u64 = 1 << 20;

/// What the configuration below `root` says.
#[must_use]
pub fn configuration(root: &Path) -> Networkd {
    let folders = FOLDERS.map(|folder| root.join(folder));
    let mut settings = Networkd::default();
    let main = folders.iter().map(|folder| folder.join("networkd.conf"));
    let main = main.into_iter().find(|path| path.exists());
    for path in main.into_iter().chain(drop_ins(&folders)) {
        // One that cannot be read says nothing to networkd, either. /dev/null masks.
        if let Ok(text) = files::text(&path, MOST) {
            read(&text, &mut settings);
        }
    }
    settings
}

fn drop_ins(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut by_name = BTreeMap::new();
    for folder in folders {
        let entries = fs::read_dir(folder.join("networkd.conf.d"));
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "conf")
            {
                by_name.entry(entry.file_name()).or_insert(path);
            }
        }
    }
    by_name.into_values().collect()
}

/// Reads one file over what is known so far.
fn read(text: &str, settings: &mut Networkd) {
    let mut section = String::new();
    for line in lines(text) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "Network") else {
            continue;
        };
        let setting = match key.trim_end() {
            "ManageForeignRoutes" => &mut settings.foreign_routes,
            "ManageForeignRoutingPolicyRules" => &mut settings.foreign_rules,
            _ => continue,
        };
        // What is no boolean is passed over, with a word in networkd's log.
        if let Some(value) = boolean(value.trim()) {
            *setting = value;
        }
    }
}

/// The lines of a file, each with those that continue it: where a line ends in `\`, the
/// next one that is no comment goes on with it, and the `\` is a space
/// (systemd.syntax(7)). A `\` behind another one does not count (`config_parse` in
/// conf-parser.c).
fn lines(text: &str) -> Vec<String> {
    let mut whole = Vec::new();
    let mut begun = String::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        begun.push_str(line);
        let backslashes = begun.len() - begun.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            begun.pop();
            begun.push(' ');
        } else {
            whole.push(std::mem::take(&mut begun));
        }
    }
    whole.push(begun);
    whole
}

/// As systemd.syntax(7) spells them.
fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["1", "yes", "y", "true", "t", "on"]) {
        Some(true)
    } else if is(&["0", "no", "n", "false", "f", "off"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(files: &[(&str, &str)]) -> (bool, bool) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let all = configuration(root.path());
        (all.foreign_routes, all.foreign_rules)
    }

    #[test]
    fn networkd_deletes_what_it_did_not_make_unless_told() {
        assert_eq!(settings(&[]), (true, true));
        let comments = "[Network]\n#ManageForeignRoutes=no\n; ManageForeignRoutes=no\n";
        assert_eq!(
            settings(&[("etc/systemd/networkd.conf", comments)]),
            (true, true)
        );
    }

    #[test]
    fn drop_ins_come_after_the_first_main_file_in_the_order_of_their_names() {
        let no = "[Network]\nManageForeignRoutes = off\nManageForeignRoutingPolicyRules=No\n";
        let yes = "[Network]\nManageForeignRoutes=yes\n";
        assert_eq!(
            settings(&[("usr/lib/systemd/networkd.conf", no)]),
            (false, false)
        );
        assert_eq!(
            settings(&[
                ("usr/lib/systemd/networkd.conf", no),
                ("etc/systemd/networkd.conf", yes),
            ]),
            (true, true)
        );
        assert_eq!(
            settings(&[
                ("etc/systemd/networkd.conf", yes),
                ("usr/lib/systemd/networkd.conf.d/10-a.conf", no),
            ]),
            (false, false)
        );
        assert_eq!(
            settings(&[
                ("usr/lib/systemd/networkd.conf.d/10-a.conf", no),
                ("run/systemd/networkd.conf.d/20-b.conf", yes),
            ]),
            (true, false)
        );
        // A name counts once, and the stronger folder has it.
        assert_eq!(
            settings(&[
                ("usr/lib/systemd/networkd.conf.d/10-a.conf", no),
                ("etc/systemd/networkd.conf.d/10-a.conf", ""),
            ]),
            (true, true)
        );
    }

    #[test]
    fn a_line_is_continued_behind_a_backslash() {
        let no = |text: &str| settings(&[("etc/systemd/networkd.conf", text)]) == (false, true);
        assert!(no("[Network]\nManageForeignRoutes=\\\n  no\n"));
        assert!(no("[Network]\nManageForeignRoutes=\\\n# why\n; why\nno\n"));
        assert!(no("[Network]\nManageForeignRoutes\\\n=\\\nno\\\n"));
        // It is of the setting before.
        let of_other = "[Network]\nSpeedMeter=\\\nManageForeignRoutes=no\n";
        assert!(!no(of_other));
        // Neither a comment nor a backslash of a backslash goes on.
        assert!(no("[Network]\n# so \\\nManageForeignRoutes=no\n"));
        assert!(no("[Network]\nSpeedMeter=\\\\\nManageForeignRoutes=no\n"));
        // An empty line ends it.
        assert!(no("[Network]\nSpeedMeter=\\\n\nManageForeignRoutes=no\n"));
    }

    #[test]
    fn another_section_and_no_boolean_say_nothing() {
        let text = "ManageForeignRoutes=no\n[DHCPv4]\nManageForeignRoutes=no\n\
                    [Network]\nManageForeignRoutingPolicyRules=perhaps\n";
        assert_eq!(
            settings(&[("etc/systemd/networkd.conf", text)]),
            (true, true)
        );
    }
}
