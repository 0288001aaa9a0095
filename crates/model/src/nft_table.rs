//! The table `inet netprof` of nft.

use serde::{Deserialize, Serialize};

/// What it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NftTable {
    /// The links whose connections are told the segment size that fits, in order.
    pub clamped: Vec<String>,
    /// What is in it that netprof did not put there, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}
