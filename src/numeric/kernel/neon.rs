//! Kernels for NEON, which every 64-bit ARM processor has.
#![allow(unsafe_code)]
// Indexed loops over fixed arrays are what keeps the sums in registers.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;

use super::{Form, Kernel, Tile, Write, PANEL};

/// Writes a tile's sums. A macro, because a call would force the sums through memory at every step of the loop before it.
macro_rules! store {
    ($sums:ident, $tile:ident, $column:expr) => {
        for r in 0..R {
            for part in 0..4 {
                let at = $tile.out.add(r * $tile.out_row + $column + part * 4);
                let sum = $sums[r][part];
                let sum = match $tile.write {
                    Write::Set => sum,
                    Write::Add => vaddq_f32(vld1q_f32(at), sum),
                    Write::Relu => vmaxq_f32(sum, vdupq_n_f32(0.0)),
                };
                vst1q_f32(at, sum);
            }
        }
    };
}

/// 6 rows by half a panel: 24 sums of 32 registers.
pub(super) const NEON: Kernel = Kernel {
    by_rows: &[neon::<1>, neon::<2>, neon::<3>, neon::<4>, neon::<5>, neon::<6>],
    form: Form::Numbers,
};

pub(super) const NEON_WIDENING: Kernel = Kernel {
    by_rows: &[
        widening::<1>,
        widening::<2>,
        widening::<3>,
        widening::<4>,
        widening::<5>,
        widening::<6>,
    ],
    form: Form::Numbers,
};

/// # Safety
/// The tile's pointers cover `R` rows, `inner` indices and the output.
unsafe fn neon<const R: usize>(tile: &Tile) {
    for half in 0..2 {
        let mut sums = [[vdupq_n_f32(0.0); 4]; R];
        let (mut left, mut panel) = (tile.left, tile.panel.add(half * 16));
        for _ in 0..tile.inner {
            let b = [
                vld1q_f32(panel),
                vld1q_f32(panel.add(4)),
                vld1q_f32(panel.add(8)),
                vld1q_f32(panel.add(12)),
            ];
            for r in 0..R {
                let a = *left.add(r * tile.row);
                for part in 0..4 {
                    sums[r][part] = vfmaq_n_f32(sums[r][part], b[part], a);
                }
            }
            left = left.add(tile.step);
            panel = panel.add(PANEL);
        }
        store!(sums, tile, half * 16);
    }
}

/// # Safety
/// As [`neon`], the panel being pairs of bf16.
unsafe fn widening<const R: usize>(tile: &Tile) {
    let upper = vdupq_n_u32(0xffff_0000);
    for half in 0..2 {
        let mut sums = [[vdupq_n_f32(0.0); 4]; R];
        let (mut left, mut panel) = (tile.left, tile.panel.cast::<u32>().add(half * 16));
        for _ in 0..tile.inner {
            let pairs = [
                vld1q_u32(panel),
                vld1q_u32(panel.add(4)),
                vld1q_u32(panel.add(8)),
                vld1q_u32(panel.add(12)),
            ];
            for part in 0..2 {
                for r in 0..R {
                    let a = *left.add(r * tile.row);
                    for i in 0..4 {
                        let b = if part == 0 {
                            vshlq_n_u32::<16>(pairs[i])
                        } else {
                            vandq_u32(pairs[i], upper)
                        };
                        sums[r][i] = vfmaq_n_f32(sums[r][i], vreinterpretq_f32_u32(b), a);
                    }
                }
                left = left.add(tile.step);
            }
            panel = panel.add(PANEL);
        }
        store!(sums, tile, half * 16);
    }
}
