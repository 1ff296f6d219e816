//! Nothing but the test in tests/: the validator is a heavy dependency, compiled for this package alone.
