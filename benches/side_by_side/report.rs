//! The process outside: it starts the one that measures, and reports what came out.

use std::fs::{self, File};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::figures::Figures;
use super::harness::{self, Ended, Outside};
use super::matrix::{ROUNDS, matrix};
use super::measure::measure;
use super::progress::shown;
use super::settings::Settings;
use super::table::tables;

const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- end -->";

pub(crate) fn main() -> ExitCode {
    let netprof = Path::new(env!("CARGO_BIN_EXE_netprof"));
    let floor = netprof.with_file_name("examples").join("floor");
    harness::enter_if_asked(measure, || {
        let scratch = Scratch::of(parent_id());
        let text = fs::read_to_string(scratch.settings()).expect("it was written");
        let settings = Settings::from_lines(&text);
        let nmstatectl = settings.nmstatectl.as_ref();
        let figures = File::options().append(true).open(scratch.figures());
        Outside {
            floor: File::open(&floor).expect("it was there"),
            nmstatectl: nmstatectl.and_then(|path| File::open(path).ok()),
            disk: File::open(scratch.disk()).expect("it was made"),
            figures: figures.expect("it was made"),
            settings,
        }
    });

    // What libtest would list, or run of what is ignored: this is neither.
    if std::env::args().any(|argument| argument == "--list" || argument == "--ignored") {
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::parse(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let groups = matrix(settings.small);
    if !groups
        .iter()
        .flat_map(|group| &group.scenarios)
        .any(|one| settings.takes(one))
    {
        println!("nothing to measure has such a name");
        return ExitCode::from(u8::from(settings.measurement));
    }
    if !floor.exists() {
        return not_run("the floor is not built: cargo build --example floor");
    }
    let scratch = Scratch::of(std::process::id());
    scratch
        .make(&settings)
        .expect("the target folder can be written");
    let figures = scratch.figures();
    let ended = shown(&settings, &figures, || harness::run(measure));
    let came = fs::read_to_string(&figures).expect("it was written");
    let _ = fs::remove_dir_all(&scratch.0);
    match ended {
        Ended::Well => {}
        Ended::NotRun(why) => return not_run(&why),
        Ended::Failed(output) => {
            eprintln!("{output}");
            return ExitCode::FAILURE;
        }
    }
    let came = Figures::parse(&came);
    let size = fs::metadata(netprof).expect("it is built").len();
    let (text, over) = tables(&groups, &came, size, settings.least(ROUNDS));
    if !settings.measurement {
        println!("all of it was measured once, small; figures of such a run say nothing");
        return ExitCode::SUCCESS;
    }
    print!("{text}");
    if settings.small {
        println!("Small numbers: these figures say nothing, and no limit is looked at.");
        return ExitCode::SUCCESS;
    }
    for what in &over {
        println!("OVER ITS LIMIT: {what}");
    }
    if settings.write {
        write(&text);
    }
    ExitCode::from(u8::from(!over.is_empty()))
}

/// The folder of one run, in the target folder: two may run at the same time.
struct Scratch(PathBuf);

impl Scratch {
    fn of(process: u32) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Self(target.join(format!("side-by-side.{process}")))
    }

    fn make(&self, settings: &Settings) -> std::io::Result<()> {
        let _ = fs::remove_dir_all(&self.0);
        fs::create_dir_all(self.disk())?;
        File::create(self.figures())?;
        fs::write(self.settings(), settings.lines())
    }

    fn settings(&self) -> PathBuf {
        self.0.join("settings")
    }

    fn figures(&self) -> PathBuf {
        self.0.join("figures")
    }

    fn disk(&self) -> PathBuf {
        self.0.join("state")
    }
}

/// A measurement that cannot run has failed; a test that cannot run did not run.
fn not_run(why: &str) -> ExitCode {
    let must = std::env::args().any(|argument| argument == "--bench")
        || std::env::var_os("NETPROF_TESTS_REQUIRED").is_some_and(|value| value == "1");
    println!("side_by_side ... not run: {why}");
    ExitCode::from(u8::from(must))
}

fn write(tables: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let text = fs::read_to_string(&page).expect("the page is there");
    let (head, rest) = text.split_once(BEGIN).expect("the page says where");
    let (_, tail) = rest.split_once(END).expect("the page says where");
    fs::write(&page, format!("{head}{BEGIN}{tables}{END}{tail}")).expect("it can be written");
}
