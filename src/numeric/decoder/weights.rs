//! The decoder's weights as they come and as the hot loop wants them.

use super::super::kernel::{Panels, Precision, Source};
use super::super::{Nesting, Open, Span};
use super::DecoderError;

/// Shape and constants of a T5 decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderSpec {
    /// Width of the hidden states.
    pub d_model: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of a head; `heads · d_kv` need not be `d_model`.
    pub d_kv: usize,
    /// Width of the feed-forward layer.
    pub d_ff: usize,
    /// Layers.
    pub layers: usize,
    /// Words.
    pub vocab: usize,
    /// Buckets of relative positions.
    pub buckets: usize,
    /// Distance from which all share the last bucket.
    pub max_distance: usize,
    /// Gated GELU where true, ReLU where false.
    pub gated: bool,
    /// Added to the mean square in norms.
    pub eps: f32,
    /// Factor on products of queries and keys.
    pub attention_scale: f32,
    /// Factor on the hidden states before the head.
    pub head_scale: f32,
    /// Id in front of every sequence.
    pub start_id: u32,
    /// What each layer's self-attention sees.
    pub spans: Vec<Span>,
}

/// One layer's weights in the layout of the checkpoint, `[out, in]`.
#[derive(Debug, Clone, Default)]
pub struct LayerWeights {
    /// Norm before self-attention, `[d_model]`.
    pub self_norm: Vec<f32>,
    /// Self-attention: queries, keys, values `[heads · d_kv, d_model]` each, output `[d_model, heads · d_kv]`.
    pub self_attention: [Vec<f32>; 4],
    /// Norm before cross-attention, `[d_model]`.
    pub cross_norm: Vec<f32>,
    /// Cross-attention, as self-attention.
    pub cross_attention: [Vec<f32>; 4],
    /// Norm before the feed-forward layer, `[d_model]`.
    pub ff_norm: Vec<f32>,
    /// First products, one or (gated) two, `[d_ff, d_model]`.
    pub ff_in: Vec<Vec<f32>>,
    /// Second product, `[d_model, d_ff]`.
    pub ff_out: Vec<f32>,
}

/// The whole decoder's weights in the layout of the checkpoint.
#[derive(Debug, Clone, Default)]
pub struct DecoderWeights {
    /// `[vocab, d_model]`.
    pub embedding: Vec<f32>,
    /// What is added to the embedding at the first positions, `[positions, d_model]`; empty for nothing.
    pub positions: Vec<f32>,
    /// What is added by what is open behind a token: what tokens do, and a table `[Nesting::table_rows, d_model]`.
    pub nesting: Option<(Nesting, Vec<f32>)>,
    /// `[buckets, heads]`.
    pub relative_bias: Vec<f32>,
    /// From the first to the last.
    pub layers: Vec<LayerWeights>,
    /// `[d_model]`.
    pub final_norm: Vec<f32>,
    /// `[vocab, d_model]`; the embedding where absent.
    pub head: Option<Vec<f32>>,
}

/// Several `[out, in]` matrices side by side, packed for the kernels.
fn pack(
    parts: &[(&str, &[f32])],
    (out, inner): (usize, usize),
    scale: f32,
    precision: Precision,
) -> Result<Panels, DecoderError> {
    let mut panels = Panels::new(inner, out * parts.len(), precision);
    for (part, (name, values)) in parts.iter().enumerate() {
        expect(name, values.len(), out * inner)?;
        panels.pack(part * out, out, Source { data: values, row: 1, column: inner, scale });
    }
    Ok(panels)
}

fn expect(name: &str, found: usize, expected: usize) -> Result<(), DecoderError> {
    if found == expected {
        return Ok(());
    }
    Err(DecoderError::Weight { name: name.to_owned(), found, expected })
}

pub(super) struct PackedLayer {
    /// What self-attention sees.
    pub span: Span,
    pub self_norm: Vec<f32>,
    /// Queries, keys and values side by side.
    pub qkv: Panels,
    pub self_out: Panels,
    pub cross_norm: Vec<f32>,
    pub cross_q: Panels,
    /// Keys and values side by side.
    pub cross_kv: Panels,
    pub cross_out: Panels,
    pub ff_norm: Vec<f32>,
    /// One product, or gate and value side by side.
    pub ff_in: Panels,
    pub ff_out: Panels,
}

pub(super) struct Packed {
    pub spec: DecoderSpec,
    pub embedding: Vec<f32>,
    /// What is added at the first positions, `[positions, d_model]`.
    pub positions: Vec<f32>,
    /// What is added by what is open behind a token.
    pub nesting: Option<(Nesting, Vec<f32>)>,
    /// `[heads, distance]` up to `max_distance`, from where it is constant.
    pub bias: Vec<f32>,
    pub layers: Vec<PackedLayer>,
    pub final_norm: Vec<f32>,
    pub head: Panels,
}

impl Packed {
    /// What is added by what is open, each `[d_model]`.
    pub(super) fn told(&self, open: Open) -> impl Iterator<Item = &[f32]> {
        let d = self.spec.d_model;
        self.nesting.iter().flat_map(move |(nesting, table)| {
            nesting.rows(open).filter_map(move |row| table.get(row * d..(row + 1) * d))
        })
    }

    pub(super) fn new(
        spec: DecoderSpec,
        weights: DecoderWeights,
        precision: Precision,
    ) -> Result<Self, DecoderError> {
        let (d, width) = (spec.d_model, spec.heads * spec.d_kv);
        expect("embedding", weights.embedding.len(), spec.vocab * d)?;
        expect("relative_bias", weights.relative_bias.len(), spec.buckets * spec.heads)?;
        expect("final_norm", weights.final_norm.len(), d)?;
        expect("layers", weights.layers.len(), spec.layers)?;
        expect("spans", spec.spans.len(), spec.layers)?;
        expect("positions", weights.positions.len() % d.max(1), 0)?;
        if let Some((nesting, table)) = &weights.nesting {
            expect("nesting", table.len(), nesting.table_rows() * d)?;
        }
        let head = weights.head.as_deref().unwrap_or(&weights.embedding);
        let head = pack(&[("head", head)], (spec.vocab, d), spec.head_scale, precision)?;
        let mut bias = vec![0f32; spec.heads * (spec.max_distance + 1)];
        for (h, row) in bias.chunks_exact_mut(spec.max_distance + 1).enumerate() {
            for (distance, b) in row.iter_mut().enumerate() {
                let bucket = relative_bucket(distance, spec.buckets, spec.max_distance);
                *b = weights.relative_bias[bucket * spec.heads + h];
            }
        }
        let layers = weights
            .layers
            .into_iter()
            .zip(&spec.spans)
            .map(|(layer, &span)| PackedLayer::new(&spec, (width, span), layer, precision))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            embedding: weights.embedding,
            positions: weights.positions,
            nesting: weights.nesting,
            bias,
            layers,
            final_norm: weights.final_norm,
            head,
            spec,
        })
    }
}

impl PackedLayer {
    fn new(
        spec: &DecoderSpec,
        (width, span): (usize, Span),
        layer: LayerWeights,
        precision: Precision,
    ) -> Result<Self, DecoderError> {
        let (d, ff) = (spec.d_model, spec.d_ff);
        for (name, norm) in [
            ("self_norm", &layer.self_norm),
            ("cross_norm", &layer.cross_norm),
            ("ff_norm", &layer.ff_norm),
        ] {
            expect(name, norm.len(), d)?;
        }
        expect("ff_in", layer.ff_in.len(), 1 + usize::from(spec.gated))?;
        let scaled = |q: &[f32]| q.iter().map(|v| v * spec.attention_scale).collect::<Vec<_>>();
        let [q, k, v, o] = &layer.self_attention;
        let [cross_q, cross_k, cross_v, cross_o] = &layer.cross_attention;
        let ff_in: Vec<(&str, &[f32])> =
            layer.ff_in.iter().map(|w| ("ff_in", w.as_slice())).collect();
        Ok(Self {
            span,
            // The factor on scores goes into the queries once and for all.
            qkv: pack(&[("q", &scaled(q)), ("k", k), ("v", v)], (width, d), 1.0, precision)?,
            self_out: pack(&[("o", o)], (d, width), 1.0, precision)?,
            cross_q: pack(&[("cross q", cross_q)], (width, d), spec.attention_scale, precision)?,
            cross_kv: pack(
                &[("cross k", cross_k), ("cross v", cross_v)],
                (width, d),
                1.0,
                precision,
            )?,
            cross_out: pack(&[("cross o", cross_o)], (d, width), 1.0, precision)?,
            ff_in: pack(&ff_in, (ff, d), 1.0, precision)?,
            ff_out: pack(&[("ff_out", &layer.ff_out)], (d, ff), 1.0, precision)?,
            self_norm: layer.self_norm,
            cross_norm: layer.cross_norm,
            ff_norm: layer.ff_norm,
        })
    }
}

/// T5's bucket of a key `distance` positions back (Raffel et al. 2020): exact for the near half, logarithmic beyond.
#[must_use]
pub fn relative_bucket(distance: usize, buckets: usize, max_distance: usize) -> usize {
    let exact = (buckets / 2).max(1);
    if distance < exact {
        return distance;
    }
    let reach = (distance as f32 / exact as f32).ln();
    let reach = f64::from(reach) / (max_distance as f64 / exact as f64).ln();
    let far = exact + (reach as f32 * (buckets - exact) as f32) as usize;
    far.min(buckets - 1)
}
