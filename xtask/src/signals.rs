//! Signals: to end in good order when asked to, and to get an error where a signal would end the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register;

/// A flag that is set when the program is asked to end: by Ctrl-C, by `kill`, by a terminal that is closed.
pub fn asked_to_end() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    register(SIGINT, flag.clone())?;
    register(SIGTERM, flag.clone())?;
    #[cfg(unix)]
    if !outlives_its_terminal() {
        register(signal_hook::consts::SIGHUP, flag.clone())?;
    }
    Ok(flag)
}

/// Makes a limit on the size of files an error of the write, which names the file, as a full disk is.
pub fn limits_are_errors() {
    // Without it, the system ends the program in the middle of a write. Whoever cannot have it goes on without.
    #[cfg(unix)]
    let _ = register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Whether `nohup` started the program: then it is to go on when the terminal is closed.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, signal_hook::consts::SIGHUP)
}

/// Whether a process with this `/proc/PID/status` ignores a signal.
#[cfg(unix)]
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn what_is_ignored_is_read_from_its_bit() {
        let status = "Name:\txtask\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        let found = [1, 2, 13, 15].map(|signal| super::ignores(status, signal));
        assert_eq!(found, [true, false, true, false]);
        assert!(!super::ignores("", 1), "where there is no such file");
    }
}
