//! Nothing of its own: the entry point, and all that it reaches, is that of Squads v4.

extern crate squads_multisig_program;
