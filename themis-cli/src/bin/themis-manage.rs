//! The administrator's command line; see `themis_cli::manage`.

use std::process::ExitCode;

use clap::Parser;
use themis_cli::exit::{Exit, one_line};
use themis_cli::manage::{Command, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match run(command).await {
        Ok(text) => {
            #[allow(clippy::print_stdout, reason = "the program's answer")]
            {
                print!("{text}");
            }
            Exit::Done.into()
        }
        Err(failure) => {
            #[allow(clippy::print_stdout, reason = "the program's answer")]
            if let Some(text) = failure.report() {
                print!("{text}");
            }
            #[allow(clippy::print_stderr, reason = "the program's own words to its user")]
            {
                eprintln!("themis-manage: {}", one_line(&failure));
            }
            failure.exit().into()
        }
    }
}
