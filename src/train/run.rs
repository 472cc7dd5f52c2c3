//! The training loop: steps, reports, evaluations, checkpoints, and how it ends.

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use super::batch::{Sampler, POOL};
use super::checkpoint::{save_model, save_trainer, TrainerFile};
use super::codebook::Codebook;
use super::config::Budget;
use super::control::Control;
use super::gather::{Gathered, Gathering};
use super::helpers::Helpers;
use super::labels::labels;
use super::optimise::Updater;
use super::pictures::PictureLabels;
use super::schedule::{ema_decay, learning_rate};
use super::showcase::Showcase;
use super::step::ShardResult;
use super::window::Window;
use super::{
    history, Checkpoint, Evaluator, Progress, Report, TrainConfig, TrainError, TrainingData,
};
use crate::domain::{Codec, Domain, Examiner, Judge};
use crate::model::{Family, TransformerVae};

/// Steps between two step reports at most.
const REPORT_EVERY: usize = 20;
/// Time between two step reports at most, where steps are slow.
const REPORT_WITHIN: Duration = Duration::from_secs(2);
/// Folder, within the run's, of the model with the best figures.
const BEST: &str = "best";
/// Held-out lines that are reconstructed at an evaluation on the way; the last one takes all.
const PERIODIC_LINES: usize = 256;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Where it stands now.
    pub checkpoint: Checkpoint,
    /// Whether its budget is used up; else it was stopped and can be resumed.
    pub finished: bool,
    /// Whether it was stopped without saving: the folder holds what was saved before, if anything.
    pub discarded: bool,
}

/// Seconds of training: interruptions and pauses do not count.
struct Clock {
    before: f64,
    since: Instant,
}

impl Clock {
    fn seconds(&self) -> f64 {
        self.before + self.since.elapsed().as_secs_f64()
    }
}

/// What a run works on.
pub struct Inputs<'a> {
    /// The domain of the lines.
    pub domain: &'a dyn Domain,
    /// The tokenizer.
    pub codec: &'a Codec,
    /// Lines to train on.
    pub train: &'a TrainingData,
    /// Lines to measure on.
    pub held_out: &'a TrainingData,
    /// What judges decodes of the right form, kept with the model; for domains that ask for it.
    pub examiner: Option<&'a Examiner>,
    /// The data as the person named them, for `trainer.json`.
    pub data_name: &'a str,
    /// Weights to start from; without them they are drawn.
    pub start: Option<TransformerVae>,
    /// Where steps are computed; evaluation is done on the CPU.
    pub device: Device,
}

impl<'a> Inputs<'a> {
    /// What judges decodes.
    #[must_use]
    pub fn judge(&self) -> Judge<'a> {
        Judge { domain: self.domain, examiner: self.examiner }
    }
}

/// A run in progress: the model, its optimiser, and where it stands.
struct Run<'a> {
    config: &'a TrainConfig,
    inputs: &'a Inputs<'a>,
    dir: &'a Path,
    model: TransformerVae,
    /// A second set of weights that holds the average, for evaluation and for what is saved for use.
    averaged: TransformerVae,
    optimiser: Updater,
    helpers: Option<Helpers>,
    /// What tells the labels of the pictures of self-distillation, where that is asked for.
    pictures: Option<PictureLabels<'a>>,
    /// The codebook's averages, under `vq`.
    codebook: Option<Codebook>,
    at: Checkpoint,
}

/// Trains `model` from scratch, or goes on from the checkpoint in `dir` when `resume` is given.
///
/// # Errors
/// [`TrainError`]; what was saved before stays on the disk.
pub fn train(
    config: &TrainConfig,
    inputs: &Inputs<'_>,
    dir: &Path,
    resume: Option<(Checkpoint, std::collections::HashMap<String, Tensor>)>,
    sinks: &mut [&mut dyn Progress],
    control: impl Into<Control>,
) -> Result<Outcome, TrainError> {
    config.validate()?;
    if inputs.train.is_empty() {
        return Err(TrainError::NoData(format!(
            "the data hold {} lines that are too long for max_len = {}, and {} empty ones",
            inputs.train.too_long, config.max_len, inputs.train.empty
        )));
    }
    for folder in [dir.to_owned(), dir.join(BEST)] {
        crate::model::remove_left_overs(&folder);
    }
    crate::numeric::memory::keep_large_blocks();
    let control = control.into();
    let mut run = Run::new(config, inputs, dir)?;
    if let Some((checkpoint, tensors)) = resume {
        run.restore(checkpoint, &tensors)?;
    }
    history::forget_after(dir, run.at.step)?;
    run.go(sinks, &control)
}

impl<'a> Run<'a> {
    fn new(
        config: &'a TrainConfig,
        inputs: &'a Inputs<'a>,
        dir: &'a Path,
    ) -> Result<Self, TrainError> {
        let codec = inputs.codec;
        let labels = labels(config, inputs)?;
        let pictures = PictureLabels::of(config, inputs)?;
        let shape = config.model_config_for(codec, codec.vocab_size(), labels)?;
        let model = TransformerVae::new(shape.clone(), config.seed, &inputs.device)?;
        if let Some(start) = &inputs.start {
            model.start_from(start)?;
        }
        let averaged = TransformerVae::new(shape, config.seed, &Device::Cpu)?;
        let parameters = model
            .parameters()
            .into_iter()
            .filter(|(name, _)| TransformerVae::trains(name))
            .map(|(name, var)| {
                let decays = TransformerVae::decays(&name);
                (name, var, decays)
            })
            .collect();
        let o = &config.optimiser;
        let mut optimiser = Updater::new(o, parameters)?;
        if o.ema > 0.0 {
            optimiser.set_ema_decay(Some(ema_decay(o.ema, 0)));
        }
        let helpers = Helpers::new(config, &inputs.device)?;
        let codebook = Codebook::new(&model, &config.vq, config.seed, inputs.start.is_some())?;
        let at = Checkpoint::default();
        Ok(Self {
            config,
            inputs,
            dir,
            model,
            averaged,
            optimiser,
            helpers,
            pictures,
            codebook,
            at,
        })
    }

    fn restore(
        &mut self,
        checkpoint: Checkpoint,
        tensors: &std::collections::HashMap<String, Tensor>,
    ) -> Result<(), TrainError> {
        let weights: Vec<(String, Tensor)> = tensors
            .iter()
            .filter_map(|(name, t)| Some((name.strip_prefix("p.")?.to_owned(), t.clone())))
            .collect();
        self.model.set_parameters(&weights)?;
        self.optimiser.load_state(tensors, checkpoint.step)?;
        if let Some(helpers) = &mut self.helpers {
            helpers.load(tensors, checkpoint.step)?;
        }
        if let Some(codebook) = &mut self.codebook {
            codebook.load_state(tensors)?;
        }
        self.at = checkpoint;
        Ok(())
    }

    fn progress(&self) -> f64 {
        let share = match self.config.budget {
            Budget::Steps(steps) => self.at.step as f64 / steps as f64,
            Budget::Minutes(minutes) => self.at.seconds / (60.0 * minutes),
        };
        share.min(1.0)
    }

    fn go(
        &mut self,
        sinks: &mut [&mut dyn Progress],
        control: &Control,
    ) -> Result<Outcome, TrainError> {
        let mut tell = |report: Report| sinks.iter_mut().try_for_each(|s| s.report(&report));
        let parameters = self.model.parameters().iter().map(|(_, v)| v.elem_count()).sum();
        tell(Report::Start { step: self.at.step, parameters, lines: self.inputs.train.len() })?;
        let Inputs { codec, held_out, .. } = *self.inputs;
        let showcase = Showcase::new(self.config, self.inputs.judge(), codec, held_out)?;
        self.show(&showcase, &mut tell)?;
        let pool = if self.config.token_sort { usize::MAX } else { POOL };
        let lengths = self.inputs.train.lengths();
        let mut sampler = Sampler::new(lengths, self.config.batch, pool, self.config.seed);
        let mut window = Window::default();
        let mut clock = Clock { before: self.at.seconds, since: Instant::now() };
        let (mut saved_at, mut evaluated_at) = (self.at.seconds, self.at.seconds);
        while self.progress() < 1.0 && !control.is_stopped() {
            self.step(&mut sampler, &mut window)?;
            self.at.seconds = clock.seconds();
            let done = self.progress() >= 1.0 || control.is_stopped();
            let told = self.at.step.is_multiple_of(REPORT_EVERY);
            if told || done || control.is_paused() || window.since.elapsed() >= REPORT_WITHIN {
                tell(window.report(&self.at, self.progress()))?;
                window = Window::default();
            }
            let due = |every_steps: usize, every_minutes: f64, last: f64| {
                if every_steps > 0 {
                    self.at.step.is_multiple_of(every_steps)
                } else {
                    self.at.seconds - last >= 60.0 * every_minutes
                }
            };
            let evaluate = due(self.config.eval_steps, self.config.eval_minutes, evaluated_at);
            let save = due(self.config.save_steps, self.config.save_minutes, saved_at);
            let mut best = false;
            if evaluate && !done {
                best = self.evaluate(self.config.pairs, PERIODIC_LINES, control, &mut tell)?;
                self.show(&showcase, &mut tell)?;
                self.keep()?;
                evaluated_at = clock.seconds();
            }
            if let Some(factor) = control.take_rate() {
                self.at.rate_scale = factor;
                tell(Report::Rate { step: self.at.step, factor })?;
            }
            let pause = control.is_paused() && !done;
            if (best || save || done || pause || control.is_stopped()) && !control.is_discarded() {
                self.save(best)?;
                tell(Report::Saved { step: self.at.step, best })?;
                saved_at = clock.seconds();
            }
            if pause {
                self.at.seconds = clock.seconds();
                tell(Report::Paused { step: self.at.step })?;
                control.wait();
                clock = Clock { before: self.at.seconds, since: Instant::now() };
                window = Window::default();
                tell(Report::Continued { step: self.at.step })?;
            }
        }
        if self.progress() >= 1.0 && !control.is_stopped() {
            let best = self.evaluate(self.config.final_pairs, usize::MAX, control, &mut tell)?;
            self.show(&showcase, &mut tell)?;
            self.keep()?;
            self.save(best)?;
            tell(Report::Saved { step: self.at.step, best })?;
        }
        let finished = self.progress() >= 1.0;
        let discarded = control.is_discarded() && !finished;
        let reason = match (finished, discarded) {
            (true, _) => "finished",
            (_, true) => "discarded",
            _ => "stopped",
        };
        tell(Report::End {
            step: self.at.step,
            seconds: self.at.seconds,
            reason: reason.to_owned(),
        })?;
        Ok(Outcome { checkpoint: self.at.clone(), finished, discarded })
    }

    /// Tells what the averaged weights make of the pinned ladder and of a few held-out lines.
    fn show(
        &mut self,
        showcase: &Showcase<'_>,
        tell: &mut dyn FnMut(Report) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        self.average()?;
        let (ladder, lines) = showcase.decode(&self.averaged)?;
        let step = self.at.step;
        if let Some(ladder) = ladder {
            tell(Report::Ladder { step, ladder })?;
        }
        tell(Report::Samples { step, lines })
    }

    /// Keeps the averaged model of this moment beside the run, and no more of them than the configuration says.
    fn keep(&mut self) -> Result<(), TrainError> {
        if self.config.history == 0 {
            return Ok(());
        }
        self.average()?;
        let dir = history::moment_folder(self.dir, self.at.step);
        std::fs::create_dir_all(&dir).map_err(|e| TrainError::file(&dir, e))?;
        let full = self.config.family == Family::Seed;
        save_trainer(&dir, &self.trainer_file())?;
        let Inputs { codec, examiner, .. } = *self.inputs;
        save_model(&dir, &self.averaged, codec, examiner, full)?;
        history::thin(self.dir, self.config.history)
    }

    fn trainer_file(&self) -> TrainerFile<'_> {
        TrainerFile {
            version: env!("CARGO_PKG_VERSION"),
            checkpoint: &self.at,
            config: self.config,
            data: self.inputs.data_name,
            data_lines: self.inputs.train.len(),
        }
    }

    fn step(&mut self, sampler: &mut Sampler, window: &mut Window) -> Result<(), TrainError> {
        let progress = self.progress();
        let gathering = Gathering {
            model: &self.model,
            config: self.config,
            inputs: self.inputs,
            helpers: self.helpers.as_ref(),
            pictures: self.pictures.as_ref(),
            step: self.at.step,
            progress,
        };
        let Gathered { rows, results } = gathering.run(sampler)?;
        let lines: Vec<&[u32]> = rows.iter().map(|&i| self.inputs.train.line(i as usize)).collect();
        let rate = learning_rate(&self.config.optimiser, progress) * self.at.rate_scale;
        if self.config.optimiser.ema > 0.0 {
            let decay = ema_decay(self.config.optimiser.ema, self.at.step);
            self.optimiser.set_ema_decay(Some(decay));
        }
        let grads: Vec<_> = results.iter().map(|r| &r.grads).collect();
        let clip = (self.config.optimiser.clip > 0.0).then_some(self.config.optimiser.clip);
        let loss: f64 = results.iter().map(|r| r.cross_entropy + r.regulariser).sum();
        let stats =
            if loss.is_finite() { Some(self.optimiser.step(&grads, rate, clip)?) } else { None };
        let helpers_finite = match &mut self.helpers {
            Some(helpers) if stats.is_some() => helpers.step(&results, rate, clip)?,
            _ => true,
        };
        match stats {
            Some(stats) if stats.finite && helpers_finite => {
                if let Some(codebook) = &mut self.codebook {
                    let ema = self.config.optimiser.ema;
                    let ema = (ema > 0.0).then(|| ema_decay(ema, self.at.step));
                    codebook.update(results.iter().map(|r| &r.codes), self.at.step, ema)?;
                }
                window.add(&results, &lines, stats.grad_norm, rate);
                self.at.step += 1;
                self.at.lines += lines.len() as u64;
                Ok(())
            }
            _ => Err(self.save_failed_batch(&rows, &results)),
        }
    }

    /// Keeps the batch whose loss was not finite, and says where.
    fn save_failed_batch(&self, rows: &[u32], results: &[ShardResult]) -> TrainError {
        let path = self.dir.join("failed-batch.json");
        let lines: Vec<_> = rows
            .iter()
            .map(|&i| {
                let ids = self.inputs.train.line(i as usize);
                let text = self.inputs.codec.decode(ids).unwrap_or_default();
                serde_json::json!({ "line": i, "ids": ids, "text": text })
            })
            .collect();
        let losses: Vec<_> = results
            .iter()
            .map(|r| serde_json::json!({ "cross_entropy": r.cross_entropy.to_string(), "regulariser": r.regulariser.to_string() }))
            .collect();
        let value = serde_json::json!({ "step": self.at.step, "shards": losses, "lines": lines });
        match crate::model::write_atomically(&path, value.to_string().as_bytes()) {
            Ok(()) => {
                TrainError::NotFinite { step: self.at.step, file: path.display().to_string() }
            }
            Err(e) => TrainError::file(&path, e),
        }
    }

    /// Puts the weights that are saved for use into `averaged`.
    fn average(&mut self) -> Result<(), TrainError> {
        let ema = if self.config.optimiser.ema > 0.0 && self.at.step > 0 {
            self.optimiser.ema()?
        } else {
            self.model
                .parameters()
                .into_iter()
                .map(|(name, var)| (name, var.as_tensor().clone()))
                .collect()
        };
        self.averaged.set_parameters(&ema)?;
        if let Some(codebook) = &self.codebook {
            self.averaged.set_parameters(&[codebook.averaged()?])?;
        }
        Ok(())
    }

    /// Measures the averaged weights and tells the figures; whether they are the best so far.
    fn evaluate(
        &mut self,
        pairs: usize,
        lines: usize,
        control: &Control,
        tell: &mut dyn FnMut(Report) -> Result<(), TrainError>,
    ) -> Result<bool, TrainError> {
        self.average()?;
        let evaluator = Evaluator::new(
            self.inputs.judge(),
            self.inputs.codec,
            self.inputs.held_out,
            (pairs, lines),
            self.config.seed,
            self.config.max_len,
        );
        let Some(figures) = evaluator.evaluate(&self.averaged, &|| control.is_stopped())? else {
            return Ok(false);
        };
        tell(Report::Evaluation {
            step: self.at.step,
            seconds: self.at.seconds,
            figures: figures.clone(),
        })?;
        let best = self.at.best.is_none_or(|b| figures.score() > b);
        if best {
            self.at.best = Some(figures.score());
        }
        self.at.evaluation = Some(figures);
        Ok(best)
    }

    fn save(&mut self, best: bool) -> Result<(), TrainError> {
        self.average()?;
        // The original's checkpoints are float32; ours need half of that.
        let full = self.config.family == Family::Seed;
        let Inputs { codec, examiner, .. } = *self.inputs;
        let trainer = self.trainer_file();
        if best {
            let dir = self.dir.join(BEST);
            std::fs::create_dir_all(&dir).map_err(|e| TrainError::file(&dir, e))?;
            save_model(&dir, &self.averaged, codec, examiner, full)?;
            save_trainer(&dir, &trainer)?;
        }
        save_model(self.dir, &self.averaged, codec, examiner, full)?;
        let mut tensors: Vec<(String, Tensor)> = self
            .model
            .parameters()
            .into_iter()
            .map(|(name, var)| (format!("p.{name}"), var.as_tensor().clone()))
            .collect();
        tensors.extend(self.optimiser.state()?);
        if let Some(helpers) = &self.helpers {
            tensors.extend(helpers.state()?);
        }
        if let Some(codebook) = &self.codebook {
            tensors.extend(codebook.state()?);
        }
        self.at.save(self.dir, self.config, &tensors)?;
        save_trainer(self.dir, &trainer)
    }
}
