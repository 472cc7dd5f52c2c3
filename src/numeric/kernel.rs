//! Products with packed matrices: kernels for AMX, AVX-512, AVX2 with FMA and NEON chosen at run time, and a portable one.
//!
//! The right side of a product is packed into panels of [`PANEL`] columns, so that a kernel reads it once, front to back.
//! Every kernel adds up in the order of the inner dimension, one fused step at a time: a row's result does not depend on
//! how many rows are computed with it, which is what lets a batch, a single row and a checked draft agree to the bit.

#[cfg(target_arch = "x86_64")]
mod amx;
mod block;
#[cfg(target_arch = "aarch64")]
mod neon;
mod panels;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub(crate) use block::{multiply, Left, Pairs, Write};
pub(crate) use panels::{Panels, Source};

/// Columns of a panel: two AVX-512 registers, four AVX2 registers, eight NEON registers.
pub(crate) const PANEL: usize = 32;

/// How the weights of a product are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// The upper half of single precision, rounded to nearest even; sums stay in single precision.
    Bf16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(format!("`{text}` is no precision; there are f32 and bf16")),
        }
    }
}

/// An instruction set that there are kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// What the compiler makes of plain loops.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F.
    Avx512,
    /// AVX-512 F with products of bf16 pairs.
    Avx512Bf16,
    /// The same with a matrix unit for bf16 (Intel AMX).
    Amx,
    /// NEON.
    Neon,
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
            Self::Avx512Bf16 => "AVX-512 BF16",
            Self::Amx => "AMX",
            Self::Neon => "NEON",
        })
    }
}

impl Isa {
    /// The best that this machine has. `TVAE_ISA` (portable, avx2, avx512, avx512-bf16, amx, neon) asks for a lesser one,
    /// to compare and to reproduce another machine's results.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let wanted = std::env::var("TVAE_ISA").ok();
            let named = available.iter().find(|isa| Some(isa.name()) == wanted.as_deref());
            named.or(available.last()).copied().unwrap_or(Self::Portable)
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Amx => "amx",
            Self::Neon => "neon",
        }
    }

    /// Whether it multiplies pairs of bf16, so that bf16 is faster than single precision.
    #[must_use]
    pub fn multiplies_bf16(self) -> bool {
        matches!(self, Self::Avx512Bf16 | Self::Amx)
    }

    #[cfg(target_arch = "x86_64")]
    fn has_avx512(self) -> bool {
        matches!(self, Self::Avx512 | Self::Avx512Bf16 | Self::Amx)
    }

    /// All that this machine has, the best last.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512);
                if is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw") {
                    found.push(Self::Avx512Bf16);
                    if amx::available() {
                        found.push(Self::Amx);
                    }
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found
    }
}

/// One tile of a product: up to [`Kernel::rows`] rows by one panel.
#[derive(Clone, Copy)]
struct Tile {
    /// First number of the left side: row r at inner index i lies at `r · row + i · step`. Of pairs (`u32`) where the
    /// kernel takes pairs, and i counts pairs then.
    left: *const f32,
    row: usize,
    step: usize,
    /// The panel from its first inner index, [`PANEL`] numbers each; pairs of bf16 (`u32`) in a bf16 kernel.
    panel: *const f32,
    /// Inner indices (pairs in a bf16 kernel).
    inner: usize,
    /// Where the tile goes; a row every `out_row` numbers.
    out: *mut f32,
    out_row: usize,
    write: Write,
}

/// A kernel in all its heights: entry r − 1 computes r rows.
#[derive(Clone, Copy)]
struct Kernel {
    by_rows: &'static [unsafe fn(&Tile)],
    form: Form,
}

/// How a kernel takes its left side (see [`Pairs`]).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Single-precision numbers.
    Numbers,
    /// Pairs of bf16.
    Pairs,
    /// Pairs of bf16 in rows of whole blocks of [`Panels::BLOCK`], and room for a block of rows behind the last but one.
    #[cfg(target_arch = "x86_64")]
    Blocks,
}

impl Kernel {
    fn new(isa: Isa, precision: Precision) -> Self {
        match (isa, precision) {
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx, Precision::F32) => x86::AVX512,
            #[cfg(target_arch = "x86_64")]
            (Isa::Amx, Precision::Bf16) => amx::AMX,
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512Bf16, Precision::Bf16) => x86::AVX512_BF16,
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, Precision::Bf16) => x86::AVX512_WIDENING,
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, Precision::F32) => x86::AVX2,
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, Precision::Bf16) => x86::AVX2_WIDENING,
            #[cfg(target_arch = "aarch64")]
            (Isa::Neon, Precision::F32) => neon::NEON,
            #[cfg(target_arch = "aarch64")]
            (Isa::Neon, Precision::Bf16) => neon::NEON_WIDENING,
            (_, Precision::F32) => portable::PORTABLE,
            (_, Precision::Bf16) => portable::PORTABLE_WIDENING,
        }
    }
}

/// The nearest bf16, ties to even. Without a branch, so that loops vectorise.
#[inline(always)]
fn to_bf16(x: f32) -> u32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let nan = (bits >> 16) | 0x40;
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        nan
    } else {
        rounded
    }
}

/// The number of a bf16 in the lower half.
#[inline(always)]
fn from_bf16(x: u32) -> f32 {
    f32::from_bits(x << 16)
}
