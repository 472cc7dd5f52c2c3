//! Kernels in plain loops, for any processor.
#![allow(unsafe_code)]

use super::{from_bf16, Form, Kernel, Tile, Write, PANEL};

pub(super) const PORTABLE: Kernel =
    Kernel { by_rows: &[f32_rows::<1>, f32_rows::<2>], form: Form::Numbers };

pub(super) const PORTABLE_WIDENING: Kernel =
    Kernel { by_rows: &[bf16_rows::<1>, bf16_rows::<2>], form: Form::Numbers };

/// # Safety
/// The tile's pointers cover `R` rows, `inner` indices and the output.
unsafe fn f32_rows<const R: usize>(tile: &Tile) {
    let mut sums = [[0f32; PANEL]; R];
    for i in 0..tile.inner {
        let panel = &*tile.panel.add(i * PANEL).cast::<[f32; PANEL]>();
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = *tile.left.add(r * tile.row + i * tile.step);
            for (sum, b) in sums.iter_mut().zip(panel) {
                *sum += a * b;
            }
        }
    }
    store(&sums, tile);
}

/// # Safety
/// As [`f32_rows`], the panel being pairs of bf16.
unsafe fn bf16_rows<const R: usize>(tile: &Tile) {
    let mut sums = [[0f32; PANEL]; R];
    for i in 0..tile.inner {
        let panel = &*tile.panel.add(i * PANEL).cast::<[u32; PANEL]>();
        for (r, sums) in sums.iter_mut().enumerate() {
            let at = tile.left.add(r * tile.row + 2 * i * tile.step);
            let (lower, upper) = (*at, *at.add(tile.step));
            for (sum, &pair) in sums.iter_mut().zip(panel) {
                *sum += lower * from_bf16(pair & 0xffff);
                *sum += upper * from_bf16(pair >> 16);
            }
        }
    }
    store(&sums, tile);
}

/// # Safety
/// The tile's output covers `R` rows of a panel.
unsafe fn store<const R: usize>(sums: &[[f32; PANEL]; R], tile: &Tile) {
    for (r, sums) in sums.iter().enumerate() {
        let out = &mut *tile.out.add(r * tile.out_row).cast::<[f32; PANEL]>();
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = match tile.write {
                Write::Set => sum,
                Write::Add => *out + sum,
                Write::Relu => sum.max(0.0),
            };
        }
    }
}
