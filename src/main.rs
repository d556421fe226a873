//! The `pacemeter` program.

use std::process::ExitCode;

use pacemeter::cli;
use pacemeter::runtime::install_panic_hook;
use pacemeter::source::handle_aborts;

fn main() -> ExitCode {
    install_panic_hook();
    // Without the handler an abort ends the process with a signal.
    let _ = handle_aborts();
    cli::run(std::env::args_os()).into()
}
