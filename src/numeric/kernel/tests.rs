#![allow(unsafe_code)]

use candle_core::{Device, Tensor};
use proptest::prelude::*;

use super::*;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// A product through the panels, by the kernel of `isa`.
fn product(
    isa: Isa,
    precision: Precision,
    x: &[f32],
    w: &[f32],
    (rows, inner, out): (usize, usize, usize),
    write: Write,
    before: f32,
) -> Vec<f32> {
    let mut panels = Panels::new(inner, out, precision);
    // In two parts, as queries, keys and values are.
    let half = out / 2;
    panels.pack(0, half, Source { data: w, row: 1, column: inner, scale: 1.0 });
    let rest = Source { data: &w[half * inner..], row: 1, column: inner, scale: 1.0 };
    panels.pack(half, out - half, rest);
    let left = Left { data: x, rows, row: inner, step: 1 };
    let mut pairs = Pairs::default();
    pairs.fill(isa, left, inner);
    let mut y = vec![before; rows * out];
    // SAFETY: `y` has room for every row and column, and is ours alone.
    unsafe {
        multiply(isa, left, &pairs, &panels, 0..panels.count(), (y.as_mut_ptr(), out), write);
    }
    y
}

fn by_candle(x: &[f32], w: &[f32], (rows, inner, out): (usize, usize, usize)) -> Vec<f32> {
    let x = Tensor::from_slice(x, (rows, inner), &Device::Cpu).expect("x");
    let w = Tensor::from_slice(w, (out, inner), &Device::Cpu).expect("w");
    let y = x.matmul(&w.t().expect("t")).expect("matmul");
    y.flatten_all().and_then(|y| y.to_vec1()).expect("numbers")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_gives_candles_product(
        rows in 1usize..40,
        inner in 1usize..90,
        out in 1usize..100,
        seed in any::<u64>(),
    ) {
        let shape = (rows, inner, out);
        let (x, w) = (numbers(rows * inner, seed), numbers(out * inner, !seed));
        let want = by_candle(&x, &w, shape);
        let round = |v: &[f32]| v.iter().map(|&v| from_bf16(to_bf16(v))).collect::<Vec<_>>();
        let rounded = by_candle(&x, &round(&w), shape);
        for isa in Isa::available() {
            let near = |got: &[f32], want: &[f32], tolerance: f32| {
                got.iter().zip(want).all(|(g, w)| (g - w).abs() <= tolerance * (inner as f32).sqrt())
            };
            let f32s = product(isa, Precision::F32, &x, &w, shape, Write::Set, 9.0);
            prop_assert!(near(&f32s, &want, 2e-6), "{isa:?}");
            let added = product(isa, Precision::F32, &x, &w, shape, Write::Add, 1.0);
            prop_assert!(f32s.iter().zip(&added).all(|(a, b)| (a + 1.0 - b).abs() < 1e-5));
            let relu = product(isa, Precision::F32, &x, &w, shape, Write::Relu, 9.0);
            prop_assert!(f32s.iter().zip(&relu).all(|(a, b)| a.max(0.0) == *b));
            // With pairs of bf16 on both sides the left side is rounded too.
            let halves = product(isa, Precision::Bf16, &x, &w, shape, Write::Set, 9.0);
            prop_assert!(near(&halves, &rounded, 1e-2), "{isa:?} in bf16");
        }
    }

    #[test]
    fn a_rows_result_does_not_depend_on_the_rows_beside_it(
        rows in 1usize..30,
        inner in 1usize..70,
        seed in any::<u64>(),
    ) {
        let out = 48;
        let (x, w) = (numbers(rows * inner, seed), numbers(out * inner, !seed));
        for isa in Isa::available() {
            for precision in [Precision::F32, Precision::Bf16] {
                let all = product(isa, precision, &x, &w, (rows, inner, out), Write::Set, 0.0);
                for (r, row) in all.chunks_exact(out).enumerate() {
                    let x = &x[r * inner..][..inner];
                    let alone = product(isa, precision, x, &w, (1, inner, out), Write::Set, 0.0);
                    prop_assert_eq!(row, &alone[..]);
                }
            }
        }
    }
}

#[test]
fn bf16_rounds_to_nearest_even() {
    for (x, want) in
        [(1.0f32, 0x3f80), (1.0 + 1.0 / 256.0, 0x3f80), (1.0 + 3.0 / 256.0, 0x3f82), (-2.0, 0xc000)]
    {
        assert_eq!(to_bf16(x), want, "{x}");
    }
    assert!(from_bf16(to_bf16(f32::NAN)).is_nan());
    assert_eq!(from_bf16(to_bf16(f32::INFINITY)), f32::INFINITY);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_processors_pairs_are_ours() {
    if !Isa::available().contains(&Isa::Avx512Bf16) {
        return;
    }
    let (rows, width) = (6, 96);
    let x = numbers(rows * width, 3);
    let from = (x.as_ptr(), width);
    let pair = |a: f32, b: f32| to_bf16(a) | to_bf16(b) << 16;
    let mut pairs = vec![0u32; rows * width / 2];
    // SAFETY: both arrays hold what the numbers of rows and blocks say.
    unsafe { x86::pair_rows(from, (pairs.as_mut_ptr(), width / 2), (rows, width / 32)) };
    let beside: Vec<u32> = x.chunks(2).map(|p| pair(p[0], p[1])).collect();
    assert_eq!(pairs, beside);
    // SAFETY: as above.
    unsafe { x86::pair_columns(from, (pairs.as_mut_ptr(), width), (rows / 2, width / 16)) };
    let below = x.chunks(2 * width).flat_map(|two| {
        let (upper, lower) = two.split_at(width);
        upper.iter().zip(lower).map(|(&a, &b)| pair(a, b))
    });
    assert_eq!(pairs, below.collect::<Vec<u32>>());
}
