//! The end-to-end tests of netprof.

mod harness;
mod scopes;

use harness::{Test, Tree};
use std::process::ExitCode;

macro_rules! tests {
    ($($tree:ident $module:ident::$name:ident),* $(,)?) => {
        &[$(Test {
            name: concat!(stringify!($module), "::", stringify!($name)),
            tree: Tree::$tree,
            body: $module::$name,
        }),*]
    };
}

fn main() -> ExitCode {
    harness::main(tests![
        Host scopes::names_of_a_domain_go_to_its_server_only,
    ])
}
