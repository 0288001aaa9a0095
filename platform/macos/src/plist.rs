//! Property lists, from their bytes and to them.
