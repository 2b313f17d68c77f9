use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(docent::extract::child::SUBCOMMAND) {
        return docent::extract::child::run();
    }
    ExitCode::FAILURE
}
