//! The map of the modules, top floor first. An import runs downward only.
//!
//! | floor | modules |
//! |---|---|
//! | what people touch | [`cli`], [`tui`] |
//! | state, actions, update | [`app`] |
//! | the only places that run a model | [`engine`], [`train`] |
//! | ladders as tables and JSON; figures on ladders | [`report`], [`eval`] |
//! | what a kind of sequence is | [`domain`] |
//! | encoder, bottleneck, decoder, weights on disk | [`model`] |
//! | pure maths: latent codes; fused operations, the decoder's hot loop | [`latent`], [`numeric`] |
//! | reading data sets | [`corpus`] |

pub mod app;
pub mod cli;
pub mod corpus;
pub mod domain;
pub mod engine;
pub mod eval;
pub mod latent;
pub mod model;
pub mod numeric;
pub mod report;
pub mod train;
pub mod tui;
