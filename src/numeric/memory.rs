//! Memory of a training step, kept for the next one.
//!
//! A step allocates and frees the same few thousand large blocks every time. An allocator that gives them back to the
//! operating system has every page of them cleared again: a fifth of a step's time, measured.
#![allow(unsafe_code)]

mod counting;

pub use counting::Counting;

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Blocks from this size on are kept: below it the allocator's own lists do as well.
const LARGE: usize = 64 * 1024;
/// Blocks are powers of two, so that batches of all lengths share them: with eight sizes per doubling a run whose
/// batches differ in length came to hold 10 GB where 6 do. What nobody asks for of a block is not touched.
const CLASSES: usize = usize::BITS as usize;

static KEEPING: AtomicBool = AtomicBool::new(false);

/// Keeps large blocks from now on, where [`Keeping`] is the program's allocator. For training: an explorer that holds its
/// memory has no use for more.
pub fn keep_large_blocks() {
    KEEPING.store(true, Ordering::Relaxed);
}

/// An allocator that keeps large blocks once [`keep_large_blocks`] was called, and leaves the rest to another.
pub struct Keeping<A> {
    inner: A,
    classes: [Class; CLASSES],
}

/// Free blocks of one size, each with the address of the next in its first bytes; 0 ends the list.
struct Class {
    /// As under the lock: an empty class is passed by without taking it.
    first_seen: AtomicUsize,
    first: Mutex<usize>,
}

impl<A> Keeping<A> {
    /// Around another allocator.
    pub const fn new(inner: A) -> Self {
        let classes =
            [const { Class { first_seen: AtomicUsize::new(0), first: Mutex::new(0) } }; CLASSES];
        Self { inner, classes }
    }
}

/// The class of a size, and the size of its blocks.
fn class(size: usize) -> (usize, usize) {
    let whole = size.next_power_of_two();
    (whole.trailing_zeros() as usize, whole)
}

fn kept(layout: Layout) -> Option<(usize, Layout)> {
    if layout.size() < LARGE || layout.size() > isize::MAX as usize / 2 || layout.align() > 64 {
        return None;
    }
    let (class, size) = class(layout.size());
    // Blocks of a class serve every alignment up to a cache line.
    let whole = Layout::from_size_align(size, 64).ok()?;
    (class < CLASSES).then_some((class, whole))
}

// SAFETY: blocks come from the inner allocator with the layout of their class, and go back with the same one: the class
// follows from the size that the caller gives both times, whether blocks are kept at the moment or not. A block is handed
// out by exactly one `pop`, since the list is behind a lock.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Keeping<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, whole)) = kept(layout) else {
            return self.inner.alloc(layout);
        };
        self.classes[class].pop().unwrap_or_else(|| self.inner.alloc(whole))
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some((class, whole)) = kept(layout) else {
            return self.inner.alloc_zeroed(layout);
        };
        match self.classes[class].pop() {
            Some(block) => {
                block.write_bytes(0, layout.size());
                block
            }
            None => self.inner.alloc_zeroed(whole),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((class, whole)) = kept(layout) else {
            return self.inner.dealloc(block, layout);
        };
        if KEEPING.load(Ordering::Relaxed) {
            self.classes[class].push(block);
        } else {
            self.inner.dealloc(block, whole);
        }
    }
}

impl Class {
    fn pop(&self) -> Option<*mut u8> {
        if self.first_seen.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let block = std::ptr::with_exposed_provenance_mut::<usize>(*first);
        if block.is_null() {
            return None;
        }
        // SAFETY: a kept block is large enough for an address, aligned, and touched by nobody else.
        *first = unsafe { block.read() };
        self.first_seen.store(*first, Ordering::Relaxed);
        Some(block.cast())
    }

    fn push(&self, block: *mut u8) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: as above; its owner has given the block up.
        unsafe { block.cast::<usize>().write(*first) };
        *first = block.expose_provenance();
        self.first_seen.store(*first, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn a_class_holds_its_sizes_and_less_than_twice_as_much() {
        let mut last = (0, 0);
        for size in (LARGE..1 << 22).step_by(997) {
            let (class, whole) = class(size);
            assert!(whole >= size && whole < 2 * size, "{size} in {whole}");
            assert!(class >= last.0 && (class > last.0 || last.0 == 0 || whole == last.1));
            assert_eq!(super::class(whole), (class, whole), "{size}");
            last = (class, whole);
        }
    }

    #[test]
    fn kept_blocks_come_back_and_zeroed_ones_are_zero() {
        let keeping = Box::new(Keeping::new(System));
        keep_large_blocks();
        let layout = Layout::from_size_align(LARGE + 5, 16).expect("layout");
        // SAFETY: every block is used within its layout and freed once.
        unsafe {
            let first = keeping.alloc(layout);
            first.write_bytes(7, layout.size());
            keeping.dealloc(first, layout);
            let again = keeping.alloc_zeroed(layout);
            assert_eq!(again, first);
            let bytes = std::slice::from_raw_parts(again, layout.size());
            assert!(bytes.iter().all(|&b| b == 0));
            let other = keeping.alloc(layout);
            assert_ne!(other, again);
            keeping.dealloc(again, layout);
            keeping.dealloc(other, layout);
            let small = Layout::from_size_align(100, 8).expect("layout");
            let block = keeping.alloc(small);
            keeping.dealloc(block, small);
        }
    }
}
