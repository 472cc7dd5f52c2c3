//! Text to ids and back, around a `tokenizer.json`.

use std::path::Path;

use tokenizers::models::bpe::BPE;
use tokenizers::models::wordlevel::WordLevelBuilder;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, Tokenizer};

use crate::corpus::mnist_text::{level_of, symbol, Digit, Direction, Size, LEVELS};

/// The specials of the tokenizers that this program trains; their ids are 0, 1 and 2: start and end, padding, mask.
pub(super) const SPECIALS: [&str; 3] = ["<s>", "<pad>", "<mask>"];
/// Decoder start and end of sequence.
pub const START_ID: u32 = 0;
/// Padding.
pub const PAD_ID: u32 = 1;
/// Masked input token.
pub const MASK_ID: u32 = 2;
/// First id that is an ordinary token.
pub const FIRST_TOKEN_ID: u32 = 3;
/// Id of the lowest level in the tokenizer of digits: both directions come in front.
pub(super) const FIRST_LEVEL_ID: u32 = FIRST_TOKEN_ID + 2;

/// A tokenizer that cannot be read, trained or applied.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The tokenizer itself says no.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A file cannot be read or written.
    #[error("{file}: {message}")]
    File {
        /// The file or folder.
        file: String,
        /// What went wrong.
        message: String,
    },
}

impl CodecError {
    pub(super) fn tokenizer(error: impl std::fmt::Display) -> Self {
        Self::Tokenizer(error.to_string())
    }

    fn file(path: &Path, message: impl std::fmt::Display) -> Self {
        Self::File { file: path.display().to_string(), message: message.to_string() }
    }
}

/// How the text of a sequence relates to the text that the tokenizer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It is the same.
    Text,
    /// Digits: the tokenizer sees the direction and the pixels; row numbers and newlines follow from them. With the size
    /// of the digits where it is known.
    Pixels(Option<Size>),
}

/// A tokenizer of one model.
#[derive(Debug, Clone)]
pub struct Codec {
    tokenizer: Tokenizer,
    form: Form,
    /// Text of the file it came from, saved again as it was.
    json: String,
}

impl Codec {
    /// From the text of a `tokenizer.json`.
    ///
    /// # Errors
    /// Text that is no tokenizer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(CodecError::tokenizer)?;
        let json = String::from_utf8_lossy(bytes).into_owned();
        Ok(Self::new(tokenizer, json))
    }

    fn new(mut tokenizer: Tokenizer, json: String) -> Self {
        // Lengths are the model's business; a tokenizer saved with padding or truncation must not decide them.
        tokenizer.with_padding(None);
        let _ = tokenizer.with_truncation(None);
        // A text that spells `<mask>` is that text: only the model's own code puts specials in.
        tokenizer.set_encode_special_tokens(true);
        let pixels = tokenizer.get_vocab_size(true) == SPECIALS.len() + 2 + usize::from(LEVELS)
            && ["down", "up", "!", "a"].iter().all(|t| tokenizer.token_to_id(t).is_some());
        Self { tokenizer, form: if pixels { Form::Pixels(None) } else { Form::Text }, json }
    }

    /// From a `tokenizer.json`.
    ///
    /// # Errors
    /// A file that cannot be read or is no tokenizer.
    pub fn from_file(path: &Path) -> Result<Self, CodecError> {
        let bytes = std::fs::read(path).map_err(|e| CodecError::file(path, e))?;
        Self::from_bytes(&bytes).map_err(|e| CodecError::file(path, e))
    }

    /// From a model folder: `tokenizer.json`, else the original's `vocab.json` and `merges.txt`.
    ///
    /// # Errors
    /// A folder that has neither, or files that are no tokenizer.
    pub fn from_folder(folder: &Path) -> Result<Self, CodecError> {
        let (whole, vocab, merges) =
            (folder.join("tokenizer.json"), folder.join("vocab.json"), folder.join("merges.txt"));
        if whole.is_file() {
            return Self::from_file(&whole);
        }
        if vocab.is_file() && merges.is_file() {
            return Self::from_vocab_and_merges(&vocab, &merges);
        }
        Err(CodecError::file(
            folder,
            "no tokenizer here: expected tokenizer.json, or vocab.json with merges.txt",
        ))
    }

    /// From the files of GPT-2's byte-level BPE, as the original's tokenizers are saved.
    ///
    /// # Errors
    /// Files that cannot be read or do not belong together.
    pub fn from_vocab_and_merges(vocab: &Path, merges: &Path) -> Result<Self, CodecError> {
        let bpe = BPE::from_file(&vocab.to_string_lossy(), &merges.to_string_lossy())
            .build()
            .map_err(|e| CodecError::file(vocab, e))?;
        let mut tokenizer = Tokenizer::new(bpe);
        let bytes = ByteLevel::new(false, true, true);
        tokenizer.with_pre_tokenizer(Some(bytes)).with_decoder(Some(bytes));
        let specials: Vec<AddedToken> =
            ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
                .into_iter()
                .filter(|t| tokenizer.token_to_id(t).is_some())
                .map(|t| AddedToken::from(t, true))
                .collect();
        tokenizer.add_special_tokens(specials).map_err(CodecError::tokenizer)?;
        let json = tokenizer.to_string(true).map_err(CodecError::tokenizer)?;
        Ok(Self::new(tokenizer, json))
    }

    /// One token per pixel level and one for the direction.
    ///
    /// # Errors
    /// None in practice; the tokenizer's builder can say no.
    pub(super) fn pixels() -> Result<Self, CodecError> {
        let words = SPECIALS
            .into_iter()
            .map(str::to_owned)
            .chain([Direction::Down, Direction::Up].map(|d| d.word().to_owned()))
            .chain((0..LEVELS).map(|level| symbol(level).to_string()));
        let vocab = words.zip(0..).collect();
        let model = WordLevelBuilder::new()
            .vocab(vocab)
            .unk_token("<mask>".to_owned())
            .build()
            .map_err(CodecError::tokenizer)?;
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
        tokenizer
            .add_special_tokens(SPECIALS.map(|s| AddedToken::from(s, true)))
            .map_err(CodecError::tokenizer)?;
        let json = tokenizer.to_string(true).map_err(CodecError::tokenizer)?;
        Ok(Self::new(tokenizer, json))
    }

    /// For a model that has room for so many tokens, the end included: digits are then taken to be of the largest size
    /// that fits, so that a digit that is still being decoded is written as far as it goes.
    #[must_use]
    pub fn with_room(mut self, tokens: usize) -> Self {
        if let Form::Pixels(size) = &mut self.form {
            *size = Size::within(tokens);
        }
        self
    }

    /// Writes `tokenizer.json`, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CodecError> {
        crate::model::write_atomically(path, self.json.as_bytes())
            .map_err(|e| CodecError::file(path, e))
    }

    /// Ids of a text, without specials.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, CodecError> {
        let text = self.tokenizer_text(text);
        let encoding =
            self.tokenizer.encode_fast(text.as_ref(), false).map_err(CodecError::tokenizer)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Ids of many texts, computed side by side, in their order.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn encode_batch(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, CodecError> {
        let texts: Vec<_> = texts.iter().map(|t| self.tokenizer_text(t).into_owned()).collect();
        let encodings =
            self.tokenizer.encode_batch_fast(texts, false).map_err(CodecError::tokenizer)?;
        Ok(encodings.iter().map(|e| e.get_ids().to_vec()).collect())
    }

    /// The text of ids; specials leave nothing.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn decode(&self, ids: &[u32]) -> Result<String, CodecError> {
        let text = self.tokenizer.decode(ids, true).map_err(CodecError::tokenizer)?;
        Ok(match self.form {
            Form::Text => text,
            Form::Pixels(size) => digit_text(&text, size),
        })
    }

    /// Ids of all tokens that stand for this piece of text, blanks around it left aside.
    #[must_use]
    pub fn ids_of(&self, piece: &str) -> Vec<u32> {
        let stands_for = |id: &u32| self.decode(&[*id]).is_ok_and(|text| text.trim() == piece);
        (FIRST_TOKEN_ID..self.vocab_size() as u32).filter(stands_for).collect()
    }

    /// Words, specials included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    fn tokenizer_text<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        let Form::Pixels(known) = self.form else { return text.into() };
        let rows = text.split('\n').count();
        // The smallest size that holds all rows: texts cut short are read as what they were.
        let holds = |s: &Size| s.side() >= rows;
        let size = known.filter(holds).or_else(|| Size::ALL.into_iter().rev().find(holds));
        let (digit, direction) = Digit::read(text, size.unwrap_or(Size::Default));
        let side = digit.size.side();
        let mut rows: Vec<&[u8]> = digit.levels.chunks(side).collect();
        if direction == Direction::Up {
            rows.reverse();
        }
        let mut out = direction.word().to_owned();
        for &level in rows.concat().iter() {
            out.push(' ');
            out.push(symbol(level));
        }
        out.into()
    }
}

/// The text of a digit from its direction and pixels, in the order that they were read. Pixels beyond a `known` size are not
/// looked at. One that is too short for any size
/// is cut short where the size is `known`, else filled up with background to the next size.
fn digit_text(tokens: &str, known: Option<Size>) -> String {
    let mut words = tokens.split(' ').peekable();
    let up = words.next_if(|w| matches!(*w, "up" | "down")) == Some("up");
    let direction = if up { Direction::Up } else { Direction::Down };
    let mut levels: Vec<u8> = words.filter_map(level_of).collect();
    if let Some(size) = known {
        // What is too much is not looked at.
        levels.truncate(size.side() * size.side());
    }
    if let (Some(size), None) = (known, Size::with_pixels(levels.len())) {
        let count = levels.len();
        levels.resize(size.side() * size.side(), 0);
        return cut_short(&digit_of(levels, size, direction).write(direction), count, size);
    }
    let size = Size::ALL
        .into_iter()
        .rev()
        .find(|s| s.side() * s.side() >= levels.len())
        .unwrap_or(Size::Default);
    levels.resize(size.side() * size.side(), 0);
    digit_of(levels, size, direction).write(direction)
}

/// A digit from its pixels in the order that they were read.
fn digit_of(levels: Vec<u8>, size: Size, direction: Direction) -> Digit {
    let levels = match direction {
        Direction::Down => levels,
        Direction::Up => levels.chunks(size.side()).rev().collect::<Vec<_>>().concat(),
    };
    Digit { size, levels }
}

/// The beginning of a digit's text that holds so many pixels; every pixel is one character behind a blank.
fn cut_short(text: &str, pixels: usize, size: Size) -> String {
    let rows: Vec<&str> = text.split('\n').take(pixels.div_ceil(size.side())).collect();
    let missing = rows.len() * size.side() - pixels;
    let text = rows.join("\n");
    text[..text.len() - 2 * missing].to_owned()
}
