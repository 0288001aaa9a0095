//! Name resolution on Linux: systemd-resolved, `/etc/resolv.conf`, nsswitch, and the
//! services that manage links.
//!
//! resolved is the only one that is written to, over D-Bus, and for delegates by a file
//! of our own in `/run`. What is written is decided by pure functions ([`calls`],
//! [`delegate::text`]) and what is read is translated by others ([`properties`],
//! [`resolv_conf`], [`nsswitch`], [`managers`]), all of which are compiled and tested
//! everywhere; `observe` and `apply` only carry it out.
//!
//! How resolved decides whom to ask, and what it keeps for how long, is told in
//! `docs/resolved.md`.

pub mod calls;
pub mod managers;
pub mod nsswitch;
pub mod properties;
pub mod resolv_conf;

#[cfg(unix)]
pub mod delegate;
#[cfg(unix)]
pub mod files;

#[cfg(target_os = "linux")]
mod apply;
#[cfg(target_os = "linux")]
pub(crate) mod namespace;
#[cfg(target_os = "linux")]
mod observe;
#[cfg(target_os = "linux")]
mod reload;

#[cfg(target_os = "linux")]
pub use linux::{Resolver, ResolverSections};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use netprof_engine::{Mode, Refusal};
    use netprof_model::Section;
    use netprof_model::link::{Link, LinkManager};
    use netprof_model::plan::Change;
    use netprof_model::snapshot::{Nsswitch, ResolvConf, Resolved};

    use super::observe::Begun;
    use super::{apply, files, observe};
    use crate::bus::{Answer, Exchange};

    /// How long a resolved that was there may be away: an upgrade of its package restarts
    /// it, which takes a tenth of that.
    const AWAY: Duration = Duration::from_millis(800);

    /// Reads and writes name resolution. It connects when it is first needed, and keeps
    /// the connection: services may be restarted behind it, and if the bus was, it
    /// connects anew the next time.
    pub struct Resolver {
        root: PathBuf,
        kept: Option<Exchange>,
        begun: Option<Answer<Begun>>,
        /// resolved was there when it was last looked for.
        seen: bool,
    }

    /// What there is of name resolution.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ResolverSections {
        /// systemd-resolved.
        pub resolved: Section<Resolved>,
        /// `/etc/resolv.conf`.
        pub resolv_conf: Section<ResolvConf>,
        /// The `hosts` line of `/etc/nsswitch.conf`.
        pub nsswitch: Section<Nsswitch>,
        /// Which service manages which link, by its name.
        pub managers: HashMap<String, LinkManager>,
    }

    impl Resolver {
        /// The resolver of this machine. Nothing is opened yet.
        #[must_use]
        pub fn connect() -> Self {
            Self::below(Path::new("/"))
        }

        /// The same, with all files below `root`.
        #[must_use]
        pub fn below(root: &Path) -> Self {
            Self {
                root: root.to_owned(),
                kept: None,
                begun: None,
                seen: false,
            }
        }

        /// Asks for all that depends on no link, and returns. [`Resolver::observe`]
        /// collects the answers; without this call it asks itself.
        pub fn begin(&mut self) {
            self.begun = Some(observe::begin(self.kept.take()));
        }

        /// Reads everything there is. It takes 2 s at most, however many services hang.
        ///
        /// A resolved that was there before and is gone is waited for, once: it may be on
        /// its way, and what it holds cannot be told without it.
        pub fn observe(&mut self, links: &[Link]) -> ResolverSections {
            if self.begun.is_none() {
                self.begin();
            }
            let resolv_conf = files::resolv_conf(&self.root);
            let nsswitch = files::nsswitch(&self.root);
            let (mut resolved, mut managers, gone) = self.read(links);
            if gone && self.seen && self.comes_back() {
                self.begin();
                (resolved, managers, _) = self.read(links);
            }
            self.seen = matches!(resolved, Section::Seen(_));
            ResolverSections {
                resolved,
                resolv_conf,
                nsswitch,
                managers,
            }
        }

        fn comes_back(&mut self) -> bool {
            let Some(exchange) = self.kept.take() else {
                return false;
            };
            let (is_back, exchange) = observe::comes_back(exchange, AWAY);
            self.kept = exchange;
            is_back
        }

        fn read(
            &mut self,
            links: &[Link],
        ) -> (Section<Resolved>, HashMap<String, LinkManager>, bool) {
            match self.begun.take() {
                Some(Ok(begun)) => {
                    let (read, exchange) = observe::observe(begun, links, &self.root);
                    self.kept = Some(exchange);
                    (read.resolved, read.managers, read.gone)
                }
                Some(Err(failure)) => (observe::section(&failure), HashMap::new(), false),
                None => (Section::Unread, HashMap::new(), false),
            }
        }

        /// Makes the changes of links' DNS settings and of delegates. Each change is
        /// tried, whatever becomes of the others.
        ///
        /// # Errors
        ///
        /// Each change that was refused, with the first reason.
        pub fn apply(&mut self, changes: &[&Change], mode: Mode) -> Result<(), Vec<Refusal>> {
            let refused = apply::apply(changes, mode, &self.root, &mut self.kept);
            if refused.is_empty() {
                Ok(())
            } else {
                Err(refused)
            }
        }
    }
}
