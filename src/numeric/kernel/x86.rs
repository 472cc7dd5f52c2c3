//! Kernels for AVX-512 and AVX2.
#![allow(unsafe_code)]
// Indexed loops over fixed arrays are what keeps the sums in registers.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::{Form, Kernel, Tile, Write, PANEL};

macro_rules! heights {
    ($name:ident: $($rows:literal)*) => { &[$($name::<$rows>),*] };
}

/// Writes a tile's sums. A macro, because a call would force the sums through memory at every step of the loop before it.
macro_rules! store {
    ($sums:ident, $tile:ident, $column:expr, $lanes:literal, $load:ident, $store:ident, $add:ident, $max:ident, $zero:ident) => {
        for r in 0..R {
            for part in 0..2 {
                let at = $tile.out.add(r * $tile.out_row + $column + part * $lanes);
                let sum = $sums[r][part];
                let sum = match $tile.write {
                    Write::Set => sum,
                    Write::Add => $add($load(at), sum),
                    Write::Relu => $max(sum, $zero()),
                };
                $store(at, sum);
            }
        }
    };
}

/// 12 rows: 24 sums, two panel registers, and left numbers broadcast from memory.
pub(super) const AVX512: Kernel =
    Kernel { by_rows: heights!(avx512: 1 2 3 4 5 6 7 8 9 10 11 12), form: Form::Numbers };

pub(super) const AVX512_BF16: Kernel =
    Kernel { by_rows: heights!(avx512_bf16: 1 2 3 4 5 6 7 8 9 10 11 12), form: Form::Pairs };

pub(super) const AVX512_WIDENING: Kernel =
    Kernel { by_rows: heights!(avx512_widening: 1 2 3 4 5 6 7 8 9 10 11 12), form: Form::Numbers };

/// 6 rows by half a panel: 12 sums of 16 registers.
pub(super) const AVX2: Kernel =
    Kernel { by_rows: heights!(avx2: 1 2 3 4 5 6), form: Form::Numbers };

pub(super) const AVX2_WIDENING: Kernel =
    Kernel { by_rows: heights!(avx2_widening: 1 2 3 4 5 6), form: Form::Numbers };

/// # Safety
/// The processor has AVX-512 F, and the tile's pointers cover `R` rows, `inner` indices and the output.
#[target_feature(enable = "avx512f")]
unsafe fn avx512<const R: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    let (mut left, mut panel) = (tile.left, tile.panel);
    for _ in 0..tile.inner {
        let b = [_mm512_loadu_ps(panel), _mm512_loadu_ps(panel.add(16))];
        for r in 0..R {
            let a = _mm512_set1_ps(*left.add(r * tile.row));
            sums[r][0] = _mm512_fmadd_ps(a, b[0], sums[r][0]);
            sums[r][1] = _mm512_fmadd_ps(a, b[1], sums[r][1]);
        }
        left = left.add(tile.step);
        panel = panel.add(PANEL);
    }
    store!(
        sums,
        tile,
        0,
        16,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_max_ps,
        _mm512_setzero_ps
    );
}

/// # Safety
/// As [`avx512`], with AVX-512 BF16, and a left side of pairs.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn avx512_bf16<const R: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    let (mut left, mut panel) = (tile.left.cast::<i32>(), tile.panel.cast::<i32>());
    let pairs = |x: __m512i| -> __m512bh { std::mem::transmute(x) };
    for _ in 0..tile.inner {
        let b = [
            pairs(_mm512_loadu_si512(panel.cast())),
            pairs(_mm512_loadu_si512(panel.add(16).cast())),
        ];
        for r in 0..R {
            let a = pairs(_mm512_set1_epi32(*left.add(r * tile.row)));
            sums[r][0] = _mm512_dpbf16_ps(sums[r][0], a, b[0]);
            sums[r][1] = _mm512_dpbf16_ps(sums[r][1], a, b[1]);
        }
        left = left.add(tile.step);
        panel = panel.add(PANEL);
    }
    store!(
        sums,
        tile,
        0,
        16,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_max_ps,
        _mm512_setzero_ps
    );
}

/// bf16 weights without the instruction for them: each half becomes a single-precision number.
///
/// # Safety
/// As [`avx512`], the panel being pairs of bf16.
#[target_feature(enable = "avx512f")]
unsafe fn avx512_widening<const R: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    let (mut left, mut panel) = (tile.left, tile.panel.cast::<i32>());
    let upper = _mm512_set1_epi32(0xffff_0000_u32 as i32);
    for _ in 0..tile.inner {
        for half in 0..2 {
            let b = [_mm512_loadu_si512(panel.cast()), _mm512_loadu_si512(panel.add(16).cast())]
                .map(|pair| {
                    _mm512_castsi512_ps(if half == 0 {
                        _mm512_slli_epi32::<16>(pair)
                    } else {
                        _mm512_and_si512(pair, upper)
                    })
                });
            for r in 0..R {
                let a = _mm512_set1_ps(*left.add(r * tile.row));
                sums[r][0] = _mm512_fmadd_ps(a, b[0], sums[r][0]);
                sums[r][1] = _mm512_fmadd_ps(a, b[1], sums[r][1]);
            }
            left = left.add(tile.step);
        }
        panel = panel.add(PANEL);
    }
    store!(
        sums,
        tile,
        0,
        16,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_max_ps,
        _mm512_setzero_ps
    );
}

/// # Safety
/// The processor has AVX2 and FMA, and the tile's pointers cover `R` rows, `inner` indices and the output.
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<const R: usize>(tile: &Tile) {
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        let (mut left, mut panel) = (tile.left, tile.panel.add(half * 16));
        for _ in 0..tile.inner {
            let b = [_mm256_loadu_ps(panel), _mm256_loadu_ps(panel.add(8))];
            for r in 0..R {
                let a = _mm256_set1_ps(*left.add(r * tile.row));
                sums[r][0] = _mm256_fmadd_ps(a, b[0], sums[r][0]);
                sums[r][1] = _mm256_fmadd_ps(a, b[1], sums[r][1]);
            }
            left = left.add(tile.step);
            panel = panel.add(PANEL);
        }
        store!(
            sums,
            tile,
            half * 16,
            8,
            _mm256_loadu_ps,
            _mm256_storeu_ps,
            _mm256_add_ps,
            _mm256_max_ps,
            _mm256_setzero_ps
        );
    }
}

/// # Safety
/// As [`avx2`], the panel being pairs of bf16.
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_widening<const R: usize>(tile: &Tile) {
    let upper = _mm256_set1_epi32(0xffff_0000_u32 as i32);
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        let (mut left, mut panel) = (tile.left, tile.panel.cast::<i32>().add(half * 16));
        for _ in 0..tile.inner {
            for part in 0..2 {
                let b = [_mm256_loadu_si256(panel.cast()), _mm256_loadu_si256(panel.add(8).cast())]
                    .map(|pair| {
                        _mm256_castsi256_ps(if part == 0 {
                            _mm256_slli_epi32::<16>(pair)
                        } else {
                            _mm256_and_si256(pair, upper)
                        })
                    });
                for r in 0..R {
                    let a = _mm256_set1_ps(*left.add(r * tile.row));
                    sums[r][0] = _mm256_fmadd_ps(a, b[0], sums[r][0]);
                    sums[r][1] = _mm256_fmadd_ps(a, b[1], sums[r][1]);
                }
                left = left.add(tile.step);
            }
            panel = panel.add(PANEL);
        }
        store!(
            sums,
            tile,
            half * 16,
            8,
            _mm256_loadu_ps,
            _mm256_storeu_ps,
            _mm256_add_ps,
            _mm256_max_ps,
            _mm256_setzero_ps
        );
    }
}

/// Writes a block of 16 × 16 numbers of 32 bits transposed.
///
/// # Safety
/// The processor has AVX-512 F; `from` covers 16 rows of 16 numbers, one every `from_row`, and `to` likewise.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn transpose16(from: *const u32, from_row: usize, to: *mut u32, to_row: usize) {
    let mut r = [_mm512_setzero_si512(); 16];
    for i in 0..16 {
        r[i] = _mm512_loadu_si512(from.add(i * from_row).cast());
    }
    let mut t = r;
    for i in 0..8 {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for i in 0..4 {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    // Quarters of registers change places, first within each half of the rows, then between the halves.
    for half in 0..2 {
        for i in 0..4 {
            let (a, b) = (r[8 * half + i], r[8 * half + 4 + i]);
            t[8 * half + i] = _mm512_shuffle_i32x4::<0x88>(a, b);
            t[8 * half + 4 + i] = _mm512_shuffle_i32x4::<0xdd>(a, b);
        }
    }
    for i in 0..8 {
        r[i] = _mm512_shuffle_i32x4::<0x88>(t[i], t[i + 8]);
        r[i + 8] = _mm512_shuffle_i32x4::<0xdd>(t[i], t[i + 8]);
    }
    for i in 0..16 {
        _mm512_storeu_si512(to.add(i * to_row).cast(), r[i]);
    }
}

/// Pairs of bf16 from neighbouring numbers: number p of row r of `to` holds numbers 2p and 2p + 1 of row r of `from`.
///
/// # Safety
/// The processor has AVX-512 BF16; `from` covers `rows` rows of 32 · `blocks` numbers, `to` as many of 16 · `blocks`.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn pair_rows(
    (from, from_row): (*const f32, usize),
    (to, to_row): (*mut u32, usize),
    (rows, blocks): (usize, usize),
) {
    for r in 0..rows {
        for block in 0..blocks {
            let from = from.add(r * from_row + 32 * block);
            let pairs = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from.add(16)), _mm512_loadu_ps(from));
            let to = to.add(r * to_row + 16 * block);
            _mm512_storeu_si512(to.cast(), std::mem::transmute::<__m512bh, __m512i>(pairs));
        }
    }
}

/// Pairs of bf16 from numbers below one another: row p of `to` holds those of rows 2p and 2p + 1 of `from`.
///
/// # Safety
/// The processor has AVX-512 BW and BF16; `from` covers 2 · `pairs` rows of 16 · `blocks` numbers, `to` half as many.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn pair_columns(
    (from, from_row): (*const f32, usize),
    (to, to_row): (*mut u32, usize),
    (pairs, blocks): (usize, usize),
) {
    // Numbers of 16 bits 0, 16, 1, 17 …
    let index = _mm512_or_si512(
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
        _mm512_slli_epi32::<16>(_mm512_set_epi32(
            31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
        )),
    );
    for p in 0..pairs {
        let lower = from.add(2 * p * from_row);
        for block in 0..blocks {
            let (lower, upper) = (lower.add(16 * block), lower.add(from_row + 16 * block));
            let both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(upper), _mm512_loadu_ps(lower));
            let both = std::mem::transmute::<__m512bh, __m512i>(both);
            let pairs = _mm512_permutexvar_epi16(index, both);
            _mm512_storeu_si512(to.add(p * to_row + 16 * block).cast(), pairs);
        }
    }
}
