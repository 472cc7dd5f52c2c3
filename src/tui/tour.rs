//! Whether the person has seen the tour: an empty file in the platform's folder for state.

use std::io;
use std::path::PathBuf;

/// The file that tells it; none where the system tells of no home.
fn mark() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    let folder = base.state_dir().unwrap_or_else(|| base.data_dir());
    Some(folder.join("tvae-tui").join("tour-seen"))
}

/// Whether the tour was seen; also where nothing could remember that it was not.
pub(super) fn is_seen() -> bool {
    mark().is_none_or(|file| file.exists())
}

/// Notes that it was.
pub(super) fn remember() -> io::Result<()> {
    let Some(file) = mark() else { return Ok(()) };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, "")
}
