//! What of a machine must be read for a plan.

/// What of a machine must be read. Links, addresses, routes and rules always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// systemd-resolved, `/etc/resolv.conf` and nsswitch.
    pub resolver: bool,
    /// nft chains that drop, and IPsec policies: what can undo a route.
    pub filters: bool,
    /// Which process holds which tunnel: costs a walk through `/proc`.
    pub owners: bool,
}

impl Need {
    /// Everything: what `netprof snapshot` reads.
    pub const EVERYTHING: Self = Self {
        resolver: true,
        filters: true,
        owners: true,
    };

    /// What is needed for two purposes at once.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            resolver: self.resolver || other.resolver,
            filters: self.filters || other.filters,
            owners: self.owners || other.owners,
        }
    }
}
