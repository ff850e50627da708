//! Keys, sealing, keyed hashes and tokens, and the private files that hold them.

pub mod data_dir;
pub mod keyring;
pub mod private_file;
pub mod token;
