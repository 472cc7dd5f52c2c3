//! The data beside the project, where they are at hand.

use std::path::PathBuf;

/// The path of `name` below `../shared/data`, or below the folder that `TVAE_SHARED` names; says so where it is not there.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("TVAE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = shared.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}
