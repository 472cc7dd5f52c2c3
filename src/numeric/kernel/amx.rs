//! Kernels for the matrix unit of recent Xeons (Intel AMX, products of bf16 pairs), on Linux. The intrinsics are not stable
//! yet, so the few instructions are written out.
#![allow(unsafe_code)]

use std::arch::{asm, x86_64::*};
use std::mem::MaybeUninit;

use super::x86::{pair_columns, pair_rows, transpose16};
use super::{to_bf16, Form, Kernel, Left, Panels, Tile, Write, PANEL};

/// Rows of a tile of the unit, and pairs of bf16 or sums in one of its rows.
pub(super) const SIDE: usize = Panels::BLOCK;

macro_rules! heights {
    ($($rows:literal)*) => { &[$(amx::<$rows>),*] };
}

/// Two by two tiles of sums, two of the left side, two of the panel: all eight that there are.
pub(super) const AMX: Kernel = Kernel {
    by_rows: heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32),
    form: Form::Blocks,
};

/// Whether the processor has the unit and the system lets this process use it. The first call asks the system, which
/// answers for all threads that start later too.
pub(super) fn available() -> bool {
    // Tiles are (bit 24) and multiply bf16 (bit 22).
    const WANTED: u32 = 1 << 24 | 1 << 22;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & WANTED == WANTED && permitted()
}

#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and changes nothing but this process's permission.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// The unit set up for tiles of 16 × 64 bytes in this thread. Given back on drop, so that switching threads stays cheap.
pub(super) struct Unit(());

impl Unit {
    /// # Safety
    /// [`available`] said yes.
    pub(super) unsafe fn configure() -> Self {
        // Palette 1; bytes of a row as 16-bit numbers from byte 16, rows from byte 48 (Intel SDM, LDTILECFG).
        const CONFIGURATION: [u8; 64] = {
            let mut bytes = [0; 64];
            bytes[0] = 1;
            let mut tile = 0;
            while tile < 8 {
                bytes[16 + 2 * tile] = 64;
                bytes[48 + tile] = SIDE as u8;
                tile += 1;
            }
            bytes
        };
        asm!("ldtilecfg [{}]", in(reg) &CONFIGURATION, options(nostack, preserves_flags));
        Self(())
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: there is a `Unit` only where the instruction exists.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags)) };
    }
}

/// # Safety
/// The unit is configured; the left side is in the form of [`Form::Blocks`] and covers `R` rounded up to whole tiles; the
///  tile's pointers cover all that and `R` rows of output.
unsafe fn amx<const R: usize>(tile: &Tile) {
    asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nostack));
    let (left, blocks) = (tile.left, tile.inner.div_ceil(SIDE));
    if blocks == 0 {
        // Nothing to add up.
    } else if R > SIDE {
        asm!(
            "2:",
            "tileloadd tmm4, [{a} + {a_row}]",
            "tileloadd tmm6, [{b} + {b_row}]",
            "tileloadd tmm7, [{b} + {b_row} + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm5, [{c} + {a_row}]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, 64",
            "add {c}, 64",
            "add {b}, {b_step}",
            "dec {n}",
            "jnz 2b",
            a = inout(reg) left => _,
            c = inout(reg) left.add(SIDE * tile.row) => _,
            a_row = in(reg) tile.row * 4,
            b = inout(reg) tile.panel => _,
            b_row = in(reg) PANEL * 4,
            b_step = const SIDE * PANEL * 4,
            n = inout(reg) blocks => _,
            options(nostack),
        );
    } else {
        asm!(
            "2:",
            "tileloadd tmm4, [{a} + {a_row}]",
            "tileloadd tmm6, [{b} + {b_row}]",
            "tileloadd tmm7, [{b} + {b_row} + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {a}, 64",
            "add {b}, {b_step}",
            "dec {n}",
            "jnz 2b",
            a = inout(reg) left => _,
            a_row = in(reg) tile.row * 4,
            b = inout(reg) tile.panel => _,
            b_row = in(reg) PANEL * 4,
            b_step = const SIDE * PANEL * 4,
            n = inout(reg) blocks => _,
            options(nostack),
        );
    }
    // Whole tiles that replace what stands there need no detour. What is added to always takes it: sums that started
    // from the output would round otherwise than those of a row that stands in half a tile.
    if R.is_multiple_of(SIDE) && tile.write == Write::Set {
        return store::<R>(tile.out, tile.out_row);
    }
    let mut sums = MaybeUninit::<Sums>::uninit();
    let numbers = sums.as_mut_ptr().cast::<f32>();
    store::<R>(numbers, PANEL);
    finish::<R>(tile, numbers);
}

/// Sums on their way to the output.
#[repr(align(64))]
struct Sums(#[allow(dead_code)] [f32; 2 * SIDE * PANEL]);

/// # Safety
/// As [`amx`]; `to` covers whole tiles of rows.
unsafe fn store<const R: usize>(to: *mut f32, row: usize) {
    asm!(
        "tilestored [{p} + {row}], tmm0",
        "tilestored [{p} + {row} + 64], tmm1",
        p = in(reg) to, row = in(reg) row * 4, options(nostack, preserves_flags),
    );
    if R > SIDE {
        asm!(
            "tilestored [{p} + {row}], tmm2",
            "tilestored [{p} + {row} + 64], tmm3",
            p = in(reg) to.add(SIDE * row), row = in(reg) row * 4, options(nostack, preserves_flags),
        );
    }
}

/// Brings sums to the output.
///
/// # Safety
/// As [`amx`], `sums` being aligned to 64 bytes; a processor with the unit has AVX-512 F.
#[target_feature(enable = "avx512f")]
unsafe fn finish<const R: usize>(tile: &Tile, sums: *const f32) {
    for r in 0..R {
        for part in 0..2 {
            let sum = _mm512_load_ps(sums.add(r * PANEL + part * SIDE));
            let at = tile.out.add(r * tile.out_row + part * SIDE);
            let sum = match tile.write {
                Write::Set => sum,
                Write::Add => _mm512_add_ps(_mm512_loadu_ps(at), sum),
                Write::Relu => _mm512_max_ps(sum, _mm512_setzero_ps()),
            };
            _mm512_storeu_ps(at, sum);
        }
    }
}

/// Pairs in a row of a left side of `inner` columns, with the zeros behind them.
pub(super) fn depth(inner: usize) -> usize {
    inner.div_ceil(2).next_multiple_of(SIDE)
}

/// One number or two as a pair of bf16.
fn paired(numbers: &[f32]) -> u32 {
    numbers.iter().rev().fold(0, |pair, &x| pair << 16 | to_bf16(x))
}

/// A left side of `inner` columns as [`Form::Blocks`]: `[rows + 15, depth]`. What stands in the last 15 rows has no meaning.
pub(super) fn blocks(left: Left<'_>, inner: usize, out: &mut Vec<u32>) {
    let (rows, depth) = (left.rows, depth(inner));
    out.resize((rows + SIDE - 1) * depth, 0);
    if rows == 0 || depth == 0 {
        return;
    }
    if left.step == 1 {
        assert!((rows - 1) * left.row + inner <= left.data.len());
        let whole = inner / (2 * SIDE);
        // SAFETY: the assertion and the size of `out` cover whole blocks of every row; a machine with the unit has the
        // instructions, here and below.
        unsafe {
            let (from, to) = (left.data.as_ptr(), out.as_mut_ptr());
            pair_rows((from, left.row), (to, depth), (rows, whole));
        }
        for (r, out) in out.chunks_exact_mut(depth).take(rows).enumerate() {
            let row = &left.data[r * left.row..][..inner];
            out[whole * SIDE..].fill(0);
            let rest = out[whole * SIDE..].iter_mut().zip(row[whole * 2 * SIDE..].chunks(2));
            rest.for_each(|(out, pair)| *out = paired(pair));
        }
        return;
    }
    let at = |r: usize, i: usize| {
        if r < rows && i < inner {
            to_bf16(left.data[r * left.row + i * left.step])
        } else {
            0
        }
    };
    let mut block = [[0u32; SIDE]; SIDE];
    for r in (0..rows).step_by(SIDE) {
        for first in (0..depth).step_by(SIDE) {
            if left.row == 1 && r + SIDE <= rows && 2 * (first + SIDE) <= inner {
                let from = &left.data[r + 2 * first * left.step..];
                assert!(from.len() >= (2 * SIDE - 1) * left.step + SIDE);
                let to = block.as_mut_ptr().cast();
                // SAFETY: the assertion covers what is read, the array what is written.
                unsafe { pair_columns((from.as_ptr(), left.step), (to, SIDE), (SIDE, 1)) };
            } else {
                for (p, pairs) in (first..).zip(&mut block) {
                    for (r, pair) in (r..).zip(pairs) {
                        *pair = at(r, 2 * p) | at(r, 2 * p + 1) << 16;
                    }
                }
            }
            let target = &mut out[r * depth + first..];
            assert!(target.len() >= (SIDE - 1) * depth + SIDE);
            // SAFETY: the array is 16 rows of 16, the assertion covers what is written.
            unsafe { transpose16(block.as_ptr().cast(), SIDE, target.as_mut_ptr(), depth) };
        }
    }
}
