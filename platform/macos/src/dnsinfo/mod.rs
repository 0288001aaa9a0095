//! The resolver list, as libSystem lays it out in memory.
