//! Measures and writes `docs/performance.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let path = novate_bench::document_path();
    let document = std::fs::read_to_string(&path).map(|before| novate_bench::render(&novate_bench::measure(), &before));
    match document.and_then(|document| {
        print!("{document}");
        std::fs::write(&path, document)
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {} anew: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
