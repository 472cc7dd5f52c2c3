//! From data to a model folder: what a run is made of, how it is prepared, and how it is taken up again.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::{
    encode_corpus, train, Budget, Checkpoint, Control, Inputs, JsonLines, Outcome, Progress, Stage,
    TensorBoard, TrainConfig, TrainError, TrainingData, TRAINING_FILE,
};
use crate::corpus::hub::{HubName, Listener, News, Split};
use crate::corpus::mnist_text::Size;
use crate::corpus::{self, Column, Corpus, Example, ReadOptions};
use crate::domain::{domain, python_syntax, Codec, DigitJudge, Domain, Examiner, Fluency, HeldTo};
use crate::model::{write_atomically, TransformerVae};

/// What a run was given, within its folder: what `--resume` reads its lines from.
pub const JOB_FILE: &str = "job.json";
/// The name of the samples that come with the program.
const SAMPLES: &str = "samples";

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Source {
    /// The domain's samples that come with the program; `samples` on the command line.
    Samples,
    /// A file or a folder.
    Path(PathBuf),
    /// A data set of the Hugging Face hub.
    Hub(HubName),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.to_owned().into())
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        match text.parse() {
            _ if text == SAMPLES => Self::Samples,
            Ok(name) => Self::Hub(name),
            // That a name of the hub is none is told where it is read.
            Err(_) => Self::Path(text.into()),
        }
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Samples => f.write_str(SAMPLES),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Hub(name) => write!(f, "{name}"),
        }
    }
}

impl Source {
    /// Reads it for a domain's run, given the columns of text and label. Of a data set of the hub it reads the train split, and downloads without a word.
    ///
    /// # Errors
    /// [`TrainError::Data`] where nothing can be read there.
    pub fn read(
        &self,
        domain: &dyn Domain,
        max_len: usize,
        columns: [Option<&Column>; 2],
        limit: Option<usize>,
    ) -> Result<Corpus, TrainError> {
        let news = &mut |_: &News| ControlFlow::Continue(());
        self.read_split(domain, max_len, columns, limit, Split::Train, news)
    }

    /// Reads it for a domain's run, given the columns of text and label; of a data set of the hub the given split, of which
    /// downloads are told.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read_split(
        &self,
        domain: &dyn Domain,
        max_len: usize,
        [column, label]: [Option<&Column>; 2],
        limit: Option<usize>,
        split: Split,
        news: &mut Listener<'_>,
    ) -> Result<Corpus, TrainError> {
        let options = || ReadOptions {
            column: column.cloned(),
            label: label.cloned(),
            limit,
            parses: |line| python_syntax::verdict(line).is_valid(),
            ..ReadOptions::within(max_len)
        };
        match self {
            Self::Samples => {
                let mut examples = domain.samples_within(max_len);
                examples.truncate(limit.unwrap_or(usize::MAX));
                let (read, kept) = (examples.len(), examples.len());
                Ok(Corpus { examples, report: corpus::Report { read, kept, ..Default::default() } })
            }
            Self::Path(path) => {
                // What begins like a name of the hub is no path.
                let source = corpus::Source::try_from(path.as_os_str().to_owned())
                    .map_err(corpus::CorpusError::from)?;
                Ok(corpus::read_source(&source, split, &options(), news)?)
            }
            Self::Hub(name) => {
                let source = corpus::Source::Hub(name.clone());
                Ok(corpus::read_source(&source, split, &options(), news)?)
            }
        }
    }

    /// Its last part, which is how a model names its data.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path
                .file_name()
                .map_or_else(|| self.to_string(), |name| name.to_string_lossy().into_owned()),
            Self::Samples | Self::Hub(_) => self.to_string(),
        }
    }

    /// The same from whatever folder it is asked for.
    fn absolute(&self) -> Self {
        match self {
            Self::Path(path) => {
                Self::Path(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            Self::Samples | Self::Hub(_) => self.clone(),
        }
    }
}

/// The lines of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataOptions {
    /// Lines to train on.
    pub data: Source,
    /// Held-out lines; without them some lines of the data are held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Source>,
    /// Column of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// Column of the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<Column>,
    /// At most so many lines are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A run, from its data to its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Everything that decides the result, beside the lines.
    pub config: TrainConfig,
    /// The lines.
    pub lines: DataOptions,
    /// Where the model is written.
    pub out: PathBuf,
    /// A tokenizer.json to use instead of training one.
    pub tokenizer: Option<PathBuf>,
    /// A model folder whose weights and tokenizer the run starts from.
    pub start_from: Option<PathBuf>,
    /// Whether it goes on from the checkpoint in `out`, with the configuration of that.
    pub resume: bool,
}

impl Job {
    /// The run in a folder, to go on with: its configuration and its lines as they were given; and where it stands.
    ///
    /// # Errors
    /// When no run has saved there, or what it was given is not known.
    pub fn of_folder(out: &Path) -> Result<(Self, Checkpoint), TrainError> {
        let (at, config, _) = Checkpoint::load(out)?;
        let path = out.join(JOB_FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| {
            TrainError::file(&path, format!("{e} (name the lines of the run with --data)"))
        })?;
        let lines = serde_json::from_str(&text).map_err(|e| TrainError::file(&path, e))?;
        let out = out.to_owned();
        Ok((Self { config, lines, out, tokenizer: None, start_from: None, resume: true }, at))
    }

    /// Prepares and trains. A run that goes on takes the budget of [`Job::config`], whether it writes for TensorBoard, and
    /// nothing else of it.
    ///
    /// # Errors
    /// [`TrainError`]; what was saved before stays on the disk.
    pub fn run(
        &self,
        device: Device,
        sinks: &mut [&mut dyn Progress],
        control: &Control,
    ) -> Result<Outcome, TrainError> {
        let out = &self.out;
        std::fs::create_dir_all(out).map_err(|e| TrainError::file(out, e))?;
        let resumed = if self.resume { Some(Checkpoint::load(out)?) } else { None };
        if resumed.is_none() && out.join(TRAINING_FILE).exists() {
            return Err(TrainError::file(
                out,
                "already holds a run: add --resume to go on, or choose another folder",
            ));
        }
        let config = match &resumed {
            Some((_, config, _)) => {
                let TrainConfig { budget, tensorboard, .. } = self.config;
                TrainConfig { budget, tensorboard, ..config.clone() }
            }
            None => self.config.clone(),
        };
        config.validate()?;
        let domain = domain(&config.domain).map_err(|e| TrainError::Config(e.to_string()))?;
        let mut tell = |stage: Stage| {
            if control.is_stopped() {
                return Err(TrainError::Stopped);
            }
            sinks.iter_mut().try_for_each(|sink| sink.stage(&stage))
        };

        let (lines, held_out) = self.read(domain, &config, &mut tell)?;
        let codec = match (&resumed, &self.start_from, &self.tokenizer) {
            (Some(_), _, _) => Codec::from_folder(out)?,
            (None, Some(folder), _) => Codec::from_folder(folder)?,
            (None, None, Some(file)) => Codec::from_file(file)?,
            (None, None, None) => {
                let used = lines.len().min(config.tokenizer_lines);
                tell(Stage::Tokenizer(used))?;
                domain.train_codec(&mut texts(&lines[..used]), config.vocab)?
            }
        };
        let codec = codec.with_room(config.max_len);
        let start = match &self.start_from {
            Some(folder) => Some(TransformerVae::load(folder, &Device::Cpu)?),
            None => None,
        };
        let kept = match &resumed {
            Some(_) => Examiner::from_folder(out).map_err(|e| TrainError::file(out, e))?,
            None => None,
        };
        let examiner = match kept {
            None => examiner(domain, &config, (&lines, &held_out), control, &mut tell)?,
            kept => kept,
        };
        let train_data = encode(&codec, &lines, &config, &mut tell)?;
        drop(lines);
        let held_out = encode(&codec, &held_out, &config, &mut tell)?;
        self.note()?;

        let inputs = Inputs {
            domain,
            codec: &codec,
            train: &train_data,
            held_out: &held_out,
            examiner: examiner.as_ref(),
            data_name: &self.lines.data.name(),
            start,
            device,
        };
        let resume = resumed.map(|(checkpoint, _, tensors)| (checkpoint, tensors));
        let step = resume.as_ref().map_or(0, |(checkpoint, _)| checkpoint.step);
        let mut metrics = JsonLines::open(&out.join(super::METRICS_FILE), step)?;
        let mut board = match config.tensorboard {
            true => Some(TensorBoard::open(out, step, domain)?),
            false => None,
        };
        let mut all: Vec<&mut dyn Progress> = vec![&mut metrics];
        all.extend(board.as_mut().map(|board| board as &mut dyn Progress));
        all.extend(sinks.iter_mut().map(|sink| &mut **sink as &mut dyn Progress));
        train(&config, &inputs, out, resume, &mut all, control)
    }

    /// Writes what the run was given, for those who go on with it.
    fn note(&self) -> Result<(), TrainError> {
        let path = self.out.join(JOB_FILE);
        let lines = DataOptions {
            data: self.lines.data.absolute(),
            valid: self.lines.valid.as_ref().map(Source::absolute),
            ..self.lines.clone()
        };
        let text = serde_json::to_string_pretty(&lines).map_err(|e| TrainError::file(&path, e))?;
        write_atomically(&path, (text + "\n").as_bytes()).map_err(|e| TrainError::file(&path, e))
    }

    /// The lines to train on and those held out.
    fn read(
        &self,
        domain: &dyn Domain,
        config: &TrainConfig,
        tell: &mut dyn FnMut(Stage) -> Result<(), TrainError>,
    ) -> Result<(Vec<Example>, Vec<Example>), TrainError> {
        let DataOptions { data, valid, column, label_column, limit } = &self.lines;
        let mut read = |source: &Source, split: Split| -> Result<Vec<Example>, TrainError> {
            tell(Stage::Reading(source.to_string()))?;
            let mut told = Ok(());
            let corpus = source.read_split(
                domain,
                config.max_len,
                [column.as_ref(), label_column.as_ref()],
                *limit,
                split,
                &mut |news| {
                    told = tell(match news {
                        News::Offline(reason) => Stage::Offline(reason.clone()),
                        News::File(download) => Stage::Downloading(download.clone()),
                    });
                    if told.is_ok() {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                },
            );
            // Who stopped a download knows better why.
            told?;
            let corpus = corpus?;
            let report = &corpus.report;
            tell(Stage::Read {
                source: source.to_string(),
                lines: report.kept,
                skipped: report.skipped,
                problems: report.problems.iter().map(ToString::to_string).collect(),
            })?;
            Ok(corpus.examples)
        };
        let lines = read(data, Split::Train)?;
        match valid {
            Some(source) => {
                let mut held_out = read(source, Split::HeldOut)?;
                held_out.truncate(config.held_out);
                Ok((lines, held_out))
            }
            None => Ok(hold_out(lines, config.held_out)),
        }
    }

    /// The budget, where another one was asked for.
    #[must_use]
    pub fn with_budget(mut self, budget: Option<Budget>) -> Self {
        self.config.budget = budget.unwrap_or(self.config.budget);
        self
    }
}

/// Takes `wanted` lines out, a tenth at most, evenly, so that order in the file does not matter.
fn hold_out<T>(lines: Vec<T>, wanted: usize) -> (Vec<T>, Vec<T>) {
    let wanted = wanted.min(lines.len() / 10);
    let stride = lines.len().checked_div(wanted).unwrap_or(0);
    let mut held_out = Vec::with_capacity(wanted);
    let mut kept = Vec::with_capacity(lines.len() - wanted);
    for (i, line) in lines.into_iter().enumerate() {
        if stride > 0 && i % stride == stride - 1 && held_out.len() < wanted {
            held_out.push(line);
        } else {
            kept.push(line);
        }
    }
    (kept, held_out)
}

/// The lines without their labels.
/// What judges the decodes of a domain that asks for it, from the lines of a run and those held out; `None` where they do not
/// serve: digits without labels.
fn examiner(
    domain: &dyn Domain,
    config: &TrainConfig,
    (lines, held_out): (&[Example], &[Example]),
    control: &Control,
    tell: &mut dyn FnMut(Stage) -> Result<(), TrainError>,
) -> Result<Option<Examiner>, TrainError> {
    match domain.held_to() {
        None => Ok(None),
        Some(HeldTo::Fluency) => {
            Ok(Fluency::fit(texts(lines), texts(held_out)).map(Examiner::Fluency))
        }
        Some(HeldTo::Credibility) => {
            let size = Size::within(config.max_len).unwrap_or_default();
            let mut told = Ok(());
            let mut go_on = |done, total| {
                told = tell(Stage::Classifier { done, total });
                told.is_ok() && !control.is_stopped()
            };
            let judge = DigitJudge::fit(lines, held_out, size, config.seed, &mut go_on);
            told?;
            let judge = judge.map_err(TrainError::Config)?;
            if control.is_stopped() {
                return Err(TrainError::Stopped);
            }
            Ok(judge.map(Examiner::Digits))
        }
    }
}

fn texts(lines: &[Example]) -> impl Iterator<Item = &str> + Clone {
    lines.iter().map(|example| example.text.as_str())
}

fn encode(
    codec: &Codec,
    lines: &[Example],
    config: &TrainConfig,
    tell: &mut dyn FnMut(Stage) -> Result<(), TrainError>,
) -> Result<TrainingData, TrainError> {
    let total = lines.len();
    let mut told = Ok(());
    let data = encode_corpus(codec, lines, config.max_len, &mut |done| {
        if told.is_ok() {
            told = tell(Stage::Encoding { done, total });
        }
    })?;
    told?;
    if data.too_long > 0 {
        tell(Stage::TooLong { lines: data.too_long, max_len: config.max_len })?;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_line_at_most_is_held_out_evenly() {
        let lines: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let (kept, held_out) = hold_out(lines.clone(), 5);
        assert_eq!(held_out, ["19", "39", "59", "79", "99"]);
        assert_eq!(kept.len(), 95);
        assert_eq!(hold_out(lines, 50).1.len(), 10);
        assert_eq!(hold_out(vec!["a".to_owned()], 5).1.len(), 0);
    }

    #[test]
    fn sources_read_as_they_are_written() {
        for text in ["samples", "lines.txt", "./samples", "hf:o/n:text", "./hf:o/n", "hf:o"] {
            let source: Source = text.parse().expect("a source");
            assert_eq!(source.to_string(), text);
            assert_eq!(source == Source::Samples, text == "samples");
        }
        let given = DataOptions {
            data: Source::Path("a/b.tsv".into()),
            valid: Some(Source::Samples),
            column: Some(Column::Number(1)),
            label_column: Some(Column::Name("category".to_owned())),
            limit: None,
        };
        let text = serde_json::to_string(&given).expect("JSON");
        assert_eq!(serde_json::from_str::<DataOptions>(&text).expect("options"), given);
    }
}
