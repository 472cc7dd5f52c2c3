//! Training of tokenizers, all of them expressed in `tokenizer.json`.

use tokenizers::models::bpe::{BpeTrainerBuilder, BPE};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    SplitDelimiterBehavior, TokenizerBuilder, TokenizerImpl,
};

use super::codec::{Codec, CodecError, SPECIALS};

/// Every byte, and the specials: no smaller vocabulary can spell every text.
const SMALLEST: usize = 256 + SPECIALS.len();

/// Where BPE may not merge across: parts of names split at `_` and at case changes, single digits, whole operators, and
/// every other visible character by itself. A space in front belongs to what follows.
const LEXEME: &str = concat!(
    r" ?(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]|_+",
    r"|==|!=|<=|>=|->|:=|\*\*=?|//=?|\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<=?|>>=?",
    r"|[^\sA-Za-z0-9_])| +"
);

/// The lexeme tokenizer for Python: operators, brackets and quotes are tokens of their own and never merge with
/// anything but the space before them; names are BPE within their parts; what is rare falls back on bytes, so every
/// text comes back as it was.
pub(super) fn train(
    lines: &mut (dyn Iterator<Item = &str> + Send),
    vocab: usize,
) -> Result<Codec, CodecError> {
    let split =
        Split::new(SplitPattern::Regex(LEXEME.to_owned()), SplitDelimiterBehavior::Isolated, false)
            .map_err(CodecError::tokenizer)?;
    let bytes = ByteLevel::new(false, true, false);
    train_bpe(lines, vocab, Sequence::new(vec![split.into(), bytes.into()]).into())
}

/// Byte-level BPE (Radford et al. 2019), GPT-2's split into words, for headlines and free text.
pub(super) fn train_bytes(
    lines: &mut (dyn Iterator<Item = &str> + Send),
    vocab: usize,
) -> Result<Codec, CodecError> {
    train_bpe(lines, vocab, ByteLevel::new(false, true, true).into())
}

fn train_bpe(
    lines: &mut (dyn Iterator<Item = &str> + Send),
    vocab: usize,
    pre_tokenizer: PreTokenizerWrapper,
) -> Result<Codec, CodecError> {
    if vocab < SMALLEST {
        return Err(CodecError::Tokenizer(format!(
            "a vocabulary of {vocab} words cannot hold all bytes: {SMALLEST} or more are needed"
        )));
    }
    type Untrained = TokenizerImpl<
        BPE,
        NormalizerWrapper,
        PreTokenizerWrapper,
        PostProcessorWrapper,
        DecoderWrapper,
    >;
    let mut tokenizer: Untrained = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None)
        .with_pre_tokenizer(Some(pre_tokenizer))
        .with_post_processor(None)
        .with_decoder(Some(ByteLevel::new(false, true, false).into()))
        .build()
        .map_err(CodecError::tokenizer)?;
    let mut trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(vocab)
        .special_tokens(SPECIALS.map(|s| AddedToken::from(s, true)).to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    tokenizer.train(&mut trainer, lines.into_iter()).map_err(CodecError::tokenizer)?;
    Codec::from_bytes(tokenizer.to_string(true).map_err(CodecError::tokenizer)?.as_bytes())
}
