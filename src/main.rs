//! The program: reads the command line, does what it says and exits as it ended.

use std::process::ExitCode;

use pacemeter::cli::{self, execute};
use pacemeter::runtime::install_panic_hook;

fn main() -> ExitCode {
    install_panic_hook();
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(exit) => return exit.into(),
    };
    match execute(&command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("pacemeter: {failure}");
            failure.exit.into()
        }
    }
}
