//! Measures and writes `docs/performance.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let figures = novate_bench::measure();
    let document = novate_bench::render(&figures);
    print!("{document}");
    let path = novate_bench::document_path();
    match std::fs::write(&path, document) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
