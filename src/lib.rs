//! The map of the modules, top floor first. An import runs downward only.
//!
//! | floor | modules |
//! |---|---|
//! | what people touch | [`cli`], [`tui`] |
//! | state, actions, update | [`app`] |
//! | the only places that run a model | [`engine`], [`train`] |
//! | what a kind of sequence is | [`domain`]; figures on ladders: [`eval`] |
//! | pure maths on latent codes | [`latent`] |
//! | encoder, bottleneck, decoder, weights on disk | [`model`] |
//! | fused operations, the decoder's hot loop | [`numeric`] |
//! | beside them | [`corpus`] reads data sets, [`report`] writes tables and JSON |

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
