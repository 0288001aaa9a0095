//! netprof beside the same work done by hand, and beside the shell commands that a
//! person would type; in one run, in turn, in the private namespaces of the end-to-end
//! tests. `benches/run` runs it; `docs/performance.md` says what comes out of it.
//!
//! Times of a machine that others use say little; the ratio of two runs, made one right
//! after the other, says much. So the limits are ratios.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "this is a measurement: what does not work ends it, and figures are for people"
)]

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod harness;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::fs::{self, File};
    use std::path::Path;
    use std::process::ExitCode;

    const BEGIN: &str = "<!-- measured -->\n";
    const END: &str = "<!-- end -->";

    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let netprof = Path::new(env!("CARGO_BIN_EXE_netprof"));
    let figures = scratch.join("side-by-side.figures");
    let disk = scratch.join("side-by-side.state");
    harness::enter_if_asked(cases::measure, || harness::Outside {
        floor: File::open(netprof.with_file_name("examples").join("floor"))
            .expect("the floor is built; benches/run does that"),
        disk: File::open(&disk).expect("it was made"),
        figures: File::options()
            .append(true)
            .open(&figures)
            .expect("it was made"),
    });

    let _ = fs::remove_dir_all(&disk);
    fs::create_dir_all(&disk).expect("the target folder can be written");
    File::create(&figures).expect("the target folder can be written");
    if let Err(why) = harness::run(cases::measure) {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    let _ = fs::remove_dir_all(&disk);
    let rows = figures::rows(&fs::read_to_string(&figures).expect("it was written"));
    let size = fs::metadata(netprof).expect("it is built").len();
    let (table, over) = figures::table(&rows, size);
    print!("{table}");
    for what in &over {
        println!("OVER ITS LIMIT: {what}");
    }
    if std::env::args().any(|argument| argument == "--write") {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
        let text = fs::read_to_string(&page).expect("the page is there");
        let (head, rest) = text.split_once(BEGIN).expect("the page says where");
        let (_, tail) = rest.split_once(END).expect("the page says where");
        fs::write(&page, format!("{head}{BEGIN}{table}{END}{tail}")).expect("it can be written");
    }
    ExitCode::from(u8::from(!over.is_empty()))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this measures Linux: nothing was measured");
}
