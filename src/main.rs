//! The `kinglet` program: what is asked for on the command line is done by [`kinglet::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kinglet::cli::run(std::env::args_os(), std::env::vars_os())
}
