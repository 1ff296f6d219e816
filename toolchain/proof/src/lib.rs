//! Holds `tests/machine.rs`, which compares the virtual machine with the host.
