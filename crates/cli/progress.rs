//! A sign of life, where something takes over a second: a resolver that hangs is
//! waited for, and the person in front of it should know that they are, too.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long nothing is said, and how often afterwards.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says on the terminal that netprof is still at work, for as long as it is held.
/// Where stderr is no terminal, it does nothing.
pub struct Progress {
    watch: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to watch the clock.
    pub fn start() -> Self {
        if !stderr().is_terminal() {
            return Self { watch: None };
        }
        let (done, waits) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut seconds = 0;
            while waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                seconds += PATIENCE.as_secs();
                let _ = write!(stderr(), "\rnetprof: at work for {seconds} s");
            }
            if seconds > 0 {
                // The line is taken back, so that what follows stands by itself.
                let _ = write!(stderr(), "\r\x1b[K");
            }
        });
        Self {
            watch: Some((done, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.watch.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}
