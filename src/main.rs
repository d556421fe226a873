//! The `pacemeter` program.

use std::process::ExitCode;

use pacemeter::cli;
use pacemeter::runtime::install_panic_hook;

fn main() -> ExitCode {
    install_panic_hook();
    cli::run(std::env::args_os()).into()
}
