//! Kernels for NEON, which every 64-bit ARM processor has.
#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::{Kernel, Tile, Write, PANEL};

/// 6 rows by half a panel: 24 sums of 32 registers.
pub(super) const NEON: Kernel = Kernel {
    by_rows: &[neon::<1>, neon::<2>, neon::<3>, neon::<4>, neon::<5>, neon::<6>],
    pairs: false,
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
    pairs: false,
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
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = *left.add(r * tile.row);
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = vfmaq_n_f32(*sum, b, a);
                }
            }
            left = left.add(tile.step);
            panel = panel.add(PANEL);
        }
        store(&sums, tile, half * 16);
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
                for (r, sums) in sums.iter_mut().enumerate() {
                    let a = *left.add(r * tile.row);
                    for (sum, &pair) in sums.iter_mut().zip(&pairs) {
                        let b = if part == 0 {
                            vshlq_n_u32::<16>(pair)
                        } else {
                            vandq_u32(pair, upper)
                        };
                        *sum = vfmaq_n_f32(*sum, vreinterpretq_f32_u32(b), a);
                    }
                }
                left = left.add(tile.step);
            }
            panel = panel.add(PANEL);
        }
        store(&sums, tile, half * 16);
    }
}

/// # Safety
/// The tile's output covers `R` rows of a panel.
unsafe fn store<const R: usize>(sums: &[[float32x4_t; 4]; R], tile: &Tile, column: usize) {
    for (r, sums) in sums.iter().enumerate() {
        for (part, &sum) in sums.iter().enumerate() {
            let at = tile.out.add(r * tile.out_row + column + part * 4);
            let sum = match tile.write {
                Write::Set => sum,
                Write::Add => vaddq_f32(vld1q_f32(at), sum),
                Write::Relu => vmaxq_f32(sum, vdupq_n_f32(0.0)),
            };
            vst1q_f32(at, sum);
        }
    }
}
