//! Transactions: one plan carried out whole, or not at all.

pub mod backend;
