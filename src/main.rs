//! The `docent` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread exists, because rayon reads this once. One thread per embedding worker is twice as fast as
    // rayon's threads for one (ARCHITECTURE.md, «Measured settings»).
    #[expect(unsafe_code, reason = "no other thread reads the environment yet")]
    // SAFETY: this is the first statement of the process and there is one thread.
    unsafe {
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
    let _failpoints = fail::FailScenario::setup();
    docent::cli::run()
}
