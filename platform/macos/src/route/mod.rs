//! The messages of the routing socket, and what they say of routes, links and addresses.
