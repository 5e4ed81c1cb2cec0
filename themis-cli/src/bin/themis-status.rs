//! What stands in the way of an upgrade; see `themis_cli::status`.

use std::process::ExitCode;

use clap::Parser;
use themis_cli::status::{Command, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (text, code) = run(command).await;
    #[allow(clippy::print_stdout, reason = "the program's answer")]
    {
        print!("{text}");
    }
    ExitCode::from(code)
}
