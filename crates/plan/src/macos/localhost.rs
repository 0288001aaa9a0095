//! `localhost` on macOS.

use super::Ground;
use crate::draft::Draft;

pub(super) fn desire(_ground: &Ground, _draft: &mut Draft) {}
