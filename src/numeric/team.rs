//! A few threads that do one piece of work together, in step.
//!
//! The hot loops split their work between the members of a team and meet at a barrier between two phases, hundreds of
//! times per millisecond: too often for a queue of tasks, or for the operating system's barrier.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Turns spent waiting before the core is offered to somebody else: longer than a phase takes, shorter than a time slice.
const SPINS: u32 = 4_000;

/// Where the members of a team wait for one another.
pub(super) struct Barrier {
    members: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

impl Barrier {
    /// Returns when all members have called it as often as this one.
    ///
    /// # Panics
    /// When another member has panicked, so that nobody waits for it.
    pub(super) fn wait(&self) {
        if self.members == 1 {
            return;
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(!self.broken.load(Ordering::Relaxed), "another thread of the team panicked");
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// Breaks the barrier when its member unwinds.
struct Alarm<'a>(&'a Barrier);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// The processor that this thread runs on, where the system tells.
#[derive(Clone, Copy)]
pub struct Place(Option<usize>);

impl Place {
    /// Where this thread is.
    #[must_use]
    pub fn here() -> Self {
        // SAFETY: the call has no preconditions.
        #[cfg(target_os = "linux")]
        return Self(usize::try_from(unsafe { libc::sched_getcpu() }).ok());
        #[cfg(not(target_os = "linux"))]
        Self(None)
    }

    /// Keeps this thread, for the rest of its life, off that processor where there is another: the scheduler likes to start
    /// a thread beside its parent, and takes milliseconds to find out that both are busy. Then the two would wait for each
    /// other through most of a ladder.
    pub fn avoid(self) {
        #[cfg(target_os = "linux")]
        if let Some(cpu) = self.0.filter(|&cpu| cpu < libc::CPU_SETSIZE as usize) {
            // SAFETY: the set is large enough for every processor that the calls name, and both only touch this thread.
            unsafe {
                let mut set: libc::cpu_set_t = std::mem::zeroed();
                let size = std::mem::size_of_val(&set);
                if libc::sched_getaffinity(0, size, &mut set) == 0 && libc::CPU_COUNT(&set) > 1 {
                    libc::CPU_CLR(cpu, &mut set);
                    // Refused, it is only slower.
                    let _ = libc::sched_setaffinity(0, size, &set);
                }
            }
        }
    }
}

/// Runs `lead` in this thread and `follow` in `members − 1` others; the others get their numbers, from 1. Returns what
/// `lead` gives once all are through.
pub(super) fn run<R>(
    members: usize,
    follow: impl Fn(usize, &Barrier) + Sync,
    lead: impl FnOnce(&Barrier) -> R,
) -> R {
    let barrier = Barrier {
        members: members.max(1),
        arrived: AtomicUsize::new(0),
        round: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
    };
    let (barrier, follow) = (&barrier, &follow);
    let place = Place::here();
    std::thread::scope(|scope| {
        for member in 1..barrier.members {
            scope.spawn(move || {
                place.avoid();
                let _alarm = Alarm(barrier);
                follow(member, barrier);
            });
        }
        let _alarm = Alarm(barrier);
        lead(barrier)
    })
}

/// Member `member`'s share of `count` things, as even as can be.
pub(super) fn share(count: usize, member: usize, members: usize) -> Range<usize> {
    count * member / members..count * (member + 1) / members
}

/// A value that members hand to one another at barriers.
#[derive(Default)]
pub(super) struct Handed<T>(UnsafeCell<T>);

// SAFETY: every access goes through an unsafe function whose caller vouches for the barriers in between.
unsafe impl<T: Send> Sync for Handed<T> {}

impl<T> Handed<T> {
    pub(super) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value, to read.
    ///
    /// # Safety
    /// No member writes it until the next barrier.
    pub(super) unsafe fn read(&self) -> &T {
        &*self.0.get()
    }

    /// The value, to write.
    ///
    /// # Safety
    /// No other member touches it until the next barrier.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn write(&self) -> &mut T {
        &mut *self.0.get()
    }
}

/// Numbers of which every member writes its own part between two barriers.
pub(super) struct Buffer {
    numbers: UnsafeCell<Box<[f32]>>,
}

// SAFETY: as for `Handed`.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(super) fn new(size: usize) -> Self {
        Self { numbers: UnsafeCell::new(vec![0.0; size].into_boxed_slice()) }
    }

    /// Where the numbers start, for kernels that write columns.
    pub(super) fn start(&self) -> *mut f32 {
        // A raw pointer through the cell: no reference to the numbers comes into being.
        unsafe { (*self.numbers.get()).as_mut_ptr() }
    }

    pub(super) fn len(&self) -> usize {
        // SAFETY: the length never changes.
        unsafe { (&*self.numbers.get()).len() }
    }

    /// Numbers `range`, to read.
    ///
    /// # Safety
    /// No member writes any of them until the next barrier.
    pub(super) unsafe fn read(&self, range: Range<usize>) -> &[f32] {
        assert!(range.start <= range.end && range.end <= self.len());
        std::slice::from_raw_parts(self.start().add(range.start), range.len())
    }

    /// Numbers `range`, to write.
    ///
    /// # Safety
    /// No other member touches any of them until the next barrier.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn write(&self, range: Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len());
        std::slice::from_raw_parts_mut(self.start().add(range.start), range.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_see_what_others_wrote_before_the_barrier() {
        for members in 1..5 {
            let sums = Buffer::new(members);
            let rounds = 2_000;
            let work = |member: usize, barrier: &Barrier| {
                for round in 0..rounds {
                    // SAFETY: every member writes its own number, and reads the others' behind a barrier.
                    unsafe { sums.write(member..member + 1)[0] = (round * (member + 1)) as f32 };
                    barrier.wait();
                    let all: f32 = unsafe { sums.read(0..members) }.iter().sum();
                    assert_eq!(all as usize, round * members * (members + 1) / 2);
                    barrier.wait();
                }
            };
            run(members, work, |barrier| work(0, barrier));
        }
    }

    #[test]
    fn a_panic_of_one_member_does_not_hang_the_others() {
        let result = std::panic::catch_unwind(|| {
            run(
                2,
                |_, _| panic!("no"),
                |barrier| {
                    barrier.wait();
                },
            );
        });
        assert!(result.is_err());
    }

    #[test]
    fn shares_cover_everything_once() {
        for (count, members) in [(0, 2), (1, 3), (7, 3), (32, 2)] {
            let all: Vec<usize> = (0..members).flat_map(|m| share(count, m, members)).collect();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }
}
