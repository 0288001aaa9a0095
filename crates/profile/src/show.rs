//! Writing a profile back.

use netprof_model::profile::Profile;

/// The profile as canonical text.
#[must_use]
pub fn show(profile: &Profile) -> String {
    format!("profile \"{}\"\n", profile.name)
}
