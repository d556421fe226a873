//! The `pacemeter` program.

use std::process::ExitCode;

use pacemeter::cli;
use pacemeter::runtime::{install_panic_hook, survive_file_size_limit};
use pacemeter::source::handle_aborts;

fn main() -> ExitCode {
    install_panic_hook();
    // Without the handlers an abort or a limit ends the process with a signal.
    let _ = handle_aborts();
    let _ = survive_file_size_limit();
    cli::run(std::env::args_os()).into()
}
