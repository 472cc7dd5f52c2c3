//! How much memory is held at once, counted to the byte: what a process is given by its system tells little of that.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An allocator that counts the bytes which are asked for and not given back, and leaves the rest to another.
pub struct Counting<A> {
    inner: A,
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl<A> Counting<A> {
    /// Around another allocator.
    pub const fn new(inner: A) -> Self {
        Self { inner, live: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// Bytes held now.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Most bytes held at once since the start or the last [`Self::restart`].
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Counts the peak anew, from what is held now.
    pub fn restart(&self) {
        self.peak.store(self.live(), Ordering::Relaxed);
    }

    fn add(&self, size: usize) {
        let live = self.live.fetch_add(size, Ordering::Relaxed) + size;
        self.peak.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the inner allocator as it came; the counts are kept beside it.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.inner.alloc(layout);
        if !block.is_null() {
            self.add(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.inner.alloc_zeroed(layout);
        if !block.is_null() {
            self.add(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.inner.dealloc(block, layout);
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let moved = self.inner.realloc(block, layout, size);
        if !moved.is_null() {
            // The old block may be there until its numbers are moved.
            self.add(size);
            self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn what_is_given_back_no_longer_counts() {
        let counting = Counting::new(System);
        let layout = |size| Layout::from_size_align(size, 8).expect("layout");
        // SAFETY: every block is freed once, with the layout of its size.
        unsafe {
            let (a, b) = (counting.alloc(layout(100)), counting.alloc_zeroed(layout(50)));
            assert_eq!((counting.live(), counting.peak()), (150, 150));
            counting.dealloc(b, layout(50));
            assert_eq!((counting.live(), counting.peak()), (100, 150));
            counting.restart();
            let a = counting.realloc(a, layout(100), 120);
            assert_eq!((counting.live(), counting.peak()), (120, 220));
            counting.dealloc(a, layout(120));
        }
        assert_eq!(counting.live(), 0);
    }
}
