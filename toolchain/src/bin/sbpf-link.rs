//! The linker that rustc is told to use: `sbpf-link -o PROGRAM.so INPUT...`, see [`sbpf_toolchain::link`].
use sbpf_toolchain::link::{link, Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse(std::env::args().skip(1), |key| std::env::var(key).ok());
    // rustc shows a linker's output when it fails, and only then: whatever the user must know is an error.
    match options.and_then(|options| unsafe { link(&options) }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("sbpf-link: error: {e}");
            ExitCode::FAILURE
        }
    }
}
