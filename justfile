# What people repeat. `just` lists it.

_default:
    @just --list

# What must pass before a change lands.
ci:
    .ci/run

# All tests, or those whose names contain FILTER.
test *FILTER:
    tests/run {{FILTER}}

# The end-to-end tests alone: real kernel, real daemons, private namespaces.
e2e *FILTER:
    tests/run --set-up
    cargo test --test tests -- {{FILTER}}

# Format and lint.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Look at changed golden files and take or leave each.
review:
    cargo insta review

# netprof beside its floor and beside shell commands, in private namespaces.
bench:
    benches/run

# The generated laws, with ten times as many cases as by default, or more.
laws:
    PROPTEST_CASES=20000 cargo test --release -p netprof-plan --test laws
    PROPTEST_CASES=2000 cargo test --release -p netprof-engine -- laws crashes

# Type-check, lint and link for macOS without a Mac.
macos:
    macos-check clippy --workspace --all-targets --both -- -D warnings
    macos-check build -p netprof --both

# Lines of code that only a Mac compiles, so that no test elsewhere reaches them.
macos-only:
    @grep -cvE '^ *(//.*)?$' platform/macos/src/sys/*.rs | awk -F: '{ n += $2; print $2, $1 } END { print n, "in all" }'

# What the planner depends on.
tree:
    cargo tree -p netprof-plan -e normal
