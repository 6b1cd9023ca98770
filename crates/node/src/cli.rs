//! What the commands of this package have in common: one line on standard error, if they could not do what they were asked.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// Answers arguments that cannot be used: with the help that was asked for, or with one line.
pub fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "error: no command given".to_owned(),
        _ => error.to_string(),
    };
    // After an empty line comes the usage.
    let reason = text.split("\n\n").next().unwrap_or_default();
    eprintln!("{} (see --help)", one_line(reason));
    ExitCode::from(2)
}

/// Ends a command: with one line if it failed.
pub fn end(result: eyre::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
