//! Renaming, duplicating and deleting. A folder has its name when it is whole, and loses it before anything in it goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{check_name, name_of, Library, LibraryError, ModelEntry};
use crate::engine::loaded::bundled_models;
use crate::model::write_atomically;

/// The end of the hidden name of a copy that is not whole.
const COPY: &str = "copy";
/// The end of the hidden name of a model that is being deleted.
const GONE: &str = "gone";
/// Folders within folders that are copied.
const DEPTH: usize = 8;
/// A copy that has lain still for so long belongs to a program that was killed.
const STALE: Duration = Duration::from_secs(24 * 3600);

impl Library {
    /// Gives a model of the folder another name.
    ///
    /// # Errors
    /// A model that is not of the folder, a name that cannot be or is taken, or the system's reason.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), LibraryError> {
        let folder = self.own_folder(from)?;
        let target = self.free(to)?;
        fs::rename(&folder, &target).map_err(|e| LibraryError::file(&folder, e))
    }

    /// Copies a model, whatever its kind, into the folder. The copy has its name when it is whole.
    ///
    /// # Errors
    /// A model that does not exist, a name that cannot be or is taken, or the system's reason; nothing is left of the copy.
    pub fn duplicate(&self, from: &str, to: &str) -> Result<(), LibraryError> {
        let entry = self.find(from)?;
        let target = self.free(to)?;
        self.sweep();
        let copy = hidden(&target, COPY);
        let made = fs::create_dir_all(&copy)
            .map_err(|e| LibraryError::file(&copy, e))
            .and_then(|()| write_copy(&entry, &copy))
            .and_then(|()| {
                // Somebody else may have taken the name while this was copied.
                self.free(to)?;
                fs::rename(&copy, &target).map_err(|e| LibraryError::file(&target, e))
            });
        if made.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_dir_all(&copy);
        }
        made
    }

    /// Deletes a model of the folder. It is no longer listed from the first moment on.
    ///
    /// # Errors
    /// A model that is not of the folder, or the system's reason.
    pub fn delete(&self, name: &str) -> Result<(), LibraryError> {
        let folder = self.own_folder(name)?;
        if folder.is_symlink() {
            // What it points at lies elsewhere.
            return fs::remove_file(&folder).map_err(|e| LibraryError::file(&folder, e));
        }
        self.sweep();
        let gone = hidden(&folder, GONE);
        fs::rename(&folder, &gone).map_err(|e| LibraryError::file(&folder, e))?;
        fs::remove_dir_all(&gone).map_err(|e| LibraryError::file(&gone, e))
    }

    /// The folder of a model of this name that can be renamed and deleted.
    ///
    /// # Errors
    /// A model that does not exist, comes with the program or lies elsewhere.
    pub fn own_folder(&self, name: &str) -> Result<PathBuf, LibraryError> {
        let models = self.folder().ok_or(LibraryError::NoFolder)?;
        if check_name(name).is_ok() {
            let folder = models.join(name);
            if folder.is_dir() {
                return Ok(folder);
            }
            if bundled_models().any(|bundled| bundled.name == name) {
                return Err(LibraryError::Bundled(name.to_owned()));
            }
        }
        // Either there is none, or it lies elsewhere.
        self.find(name).and_then(|entry| Err(LibraryError::Elsewhere(entry.full_name())))
    }

    /// The folder that a model of this name would have.
    fn free(&self, name: &str) -> Result<PathBuf, LibraryError> {
        check_name(name)?;
        let folder = self.folder().ok_or(LibraryError::NoFolder)?.join(name);
        match folder.symlink_metadata() {
            Ok(_) => Err(LibraryError::Taken(name.to_owned())),
            Err(_) => Ok(folder),
        }
    }

    /// Removes what killed programs left behind. What cannot be removed does no harm.
    fn sweep(&self) {
        let entries = self.folder().and_then(|folder| fs::read_dir(folder).ok());
        for path in entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            let name = name_of(&path);
            let is_ours = |end: &str| {
                let front = name.strip_suffix(&format!(".{end}")).unwrap_or_default();
                front.starts_with('.') && front.rsplit('.').next().is_some_and(is_number)
            };
            let is_still = || {
                let changed = path.metadata().and_then(|m| m.modified()).ok();
                changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > STALE)
            };
            if is_ours(GONE) || is_ours(COPY) && is_still() {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `.NAME.PROCESS.END` beside a folder.
fn hidden(folder: &Path, end: &str) -> PathBuf {
    folder.with_file_name(format!(".{}.{}.{end}", name_of(folder), std::process::id()))
}

fn write_copy(entry: &ModelEntry, copy: &Path) -> Result<(), LibraryError> {
    if let Some(folder) = &entry.folder {
        return copy_folder(folder, copy, DEPTH);
    }
    let bundled = bundled_models().find(|bundled| bundled.name == entry.name);
    for (name, bytes) in bundled.iter().flat_map(|bundled| bundled.files()) {
        let file = copy.join(name);
        write_atomically(&file, bytes).map_err(|e| LibraryError::file(&file, e))?;
    }
    Ok(())
}

/// Copies files and folders; hidden ones are left out, and of links what they point at where that is a file.
fn copy_folder(from: &Path, to: &Path, depth: usize) -> Result<(), LibraryError> {
    let entries = fs::read_dir(from).map_err(|e| LibraryError::file(from, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| LibraryError::file(from, e))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|e| LibraryError::file(&source, e))?;
        if name_of(&source).starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            if depth > 0 {
                fs::create_dir(&target).map_err(|e| LibraryError::file(&target, e))?;
                copy_folder(&source, &target, depth - 1)?;
            }
        } else if source.is_file() {
            copy_file(&source, &target).map_err(|e| LibraryError::file(&source, e))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = File::create_new(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()?;
    // A run's figures and its weights keep their date.
    if let Ok(time) = from.metadata().and_then(|m| m.modified()) {
        target.set_modified(time)?;
    }
    Ok(())
}
