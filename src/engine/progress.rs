//! How long work on many items is followed.

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub what: &'static str,
    /// Lines or pairs done.
    pub done: usize,
    /// Of how many.
    pub total: usize,
}

/// Told of progress; says whether to go on.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> bool;
