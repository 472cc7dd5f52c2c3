//! What tells the labels of decoded pictures: a classifier of pictures that the run fits on its own training lines.

use super::{Control, Inputs, Stage, TrainConfig, TrainError};
use crate::corpus::mnist_text::{Digit, Size};
use crate::eval::digits::{class_named, Classifier};

/// Keeps this classifier's draws apart from all others of the seed, and from those of an evaluation with the same one.
const STREAM: u64 = 0xd161_7501;

/// The classifier, and what its classes are among the labels of the data.
pub(super) struct PictureJudge {
    classifier: Classifier,
    size: Size,
    /// By digit.
    labels: [Option<u32>; 10],
}

impl PictureJudge {
    /// That of a run whose self-distillation asks for one; `None` for others. It is a function of the data and the seed alone, so that
    /// a run that goes on has the same.
    ///
    /// # Errors
    /// Lines that are no digits or have no digits for labels, a judge that is asked for no probability; [`TrainError::Stopped`].
    pub(super) fn fit(
        config: &TrainConfig,
        inputs: &Inputs<'_>,
        control: &Control,
        tell: &mut dyn FnMut(Stage) -> Result<(), TrainError>,
    ) -> Result<Option<Self>, TrainError> {
        if !config.distills_pictures() {
            return Ok(None);
        }
        if config.distill.sure <= 0.0 {
            return Err(TrainError::Config(
                "distill.judge = pictures needs a distill.sure above 0".to_owned(),
            ));
        }
        let (data, names) = (inputs.train, inputs.train.labels());
        let mut labels = [None; 10];
        for (number, name) in (0u32..).zip(&names) {
            if let Some(class) = class_named(name) {
                labels[usize::from(class)] = Some(number);
            }
        }
        let size = Size::within(config.max_len).unwrap_or_default();
        let (mut digits, mut classes) = (Vec::new(), Vec::new());
        for i in 0..data.len() {
            let Some(class) =
                data.class(i).and_then(|label| class_named(names.get(label as usize)?))
            else {
                continue;
            };
            let text = inputs.codec.decode(data.line(i))?;
            // A digit that is there in both directions is one picture.
            if inputs.domain.readings(&text).first() == Some(&text) {
                digits.push(Digit::read(&text, size).0);
                classes.push(class);
            }
        }
        if digits.is_empty() {
            return Err(TrainError::Config(
                "distill.judge = pictures needs lines that are digits, with the labels 0 to 9: --label-column names their column"
                    .to_owned(),
            ));
        }
        let mut told = Ok(());
        let classifier =
            Classifier::train(&digits, &classes, config.seed ^ STREAM, &mut |done, total| {
                told = tell(Stage::Classifier { done, total });
                told.is_ok() && !control.is_stopped()
            })?;
        told?;
        let classifier = classifier.ok_or(TrainError::Stopped)?;
        Ok(Some(Self { classifier, size, labels }))
    }

    /// The label of each of these texts and its probability; `None` for a class that the data have not.
    pub(super) fn tell(&self, texts: &[String]) -> Result<Vec<(Option<u32>, f32)>, TrainError> {
        let pictures: Vec<Digit> =
            texts.iter().map(|text| Digit::read(text, self.size).0).collect();
        let opinions = self.classifier.judge(&pictures)?;
        let label = |class: u8| self.labels.get(usize::from(class)).copied().flatten();
        Ok(opinions.into_iter().map(|o| (label(o.class), o.probability)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Example;
    use crate::domain::domain;
    use crate::train::{
        encode_corpus, Classes, Distill, LabelJudge, Preset, StopSignal, TrainingData,
    };

    fn config() -> TrainConfig {
        TrainConfig {
            distill: Distill {
                share: 0.15,
                sure: 0.9,
                judge: LabelJudge::Pictures,
                ..Distill::default()
            },
            classes: Classes::default(),
            max_len: 85,
            ..TrainConfig::preset(Preset::Tiny, "mnist")
        }
    }

    /// Fits on these lines.
    fn fit(
        config: &TrainConfig,
        lines: &[Example],
        control: &Control,
    ) -> Result<Option<(PictureJudge, Vec<String>)>, TrainError> {
        let mnist = domain("mnist").expect("a domain");
        let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("a codec");
        let train = encode_corpus(&codec, lines, config.max_len, &mut |_| ()).expect("encoded");
        let inputs = Inputs {
            domain: mnist,
            codec: &codec,
            train: &train,
            held_out: &TrainingData::default(),
            fluency: None,
            data_name: "samples",
            start: None,
            device: candle_core::Device::Cpu,
        };
        let judge = PictureJudge::fit(config, &inputs, control, &mut |_| Ok(()))?;
        Ok(judge.map(|judge| (judge, train.labels())))
    }

    #[test]
    fn digits_are_told_by_their_pictures_and_always_alike() {
        // Labels in another order than the digits'.
        let named = |label: &str| match label {
            "9" => "09".to_owned(),
            other => other.to_owned(),
        };
        let mut lines = domain("mnist").expect("a domain").samples_within(85);
        lines.iter_mut().for_each(|line| line.label = line.label.as_deref().map(named));
        let control = Control::default();
        let told = || {
            let (judge, names) = fit(&config(), &lines, &control).expect("fits").expect("a judge");
            let texts: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
            let told = judge.tell(&texts).expect("opinions");
            let right = told.iter().zip(&lines).filter(|((label, _), line)| {
                label.map(|number| &names[number as usize]) == line.label.as_ref()
            });
            (right.count(), told)
        };
        let (right, first) = told();
        assert!(right * 10 > lines.len() * 9, "{right} of {}", lines.len());
        assert_eq!(told().1, first);
    }

    #[test]
    fn what_cannot_be_told_is_refused_and_what_is_not_asked_for_is_not_fitted() {
        let samples = domain("mnist").expect("a domain").samples_within(85);
        let control = Control::default();
        let unlabelled: Vec<Example> =
            samples.iter().map(|line| Example { label: None, ..line.clone() }).collect();
        let error = fit(&config(), &unlabelled, &control).map(|_| ()).expect_err("no labels");
        assert!(error.to_string().contains("distill.judge = pictures"), "{error}");
        let off = TrainConfig { distill: Distill::default(), ..config() };
        assert!(fit(&off, &samples, &control).expect("nothing to fit").is_none());
        let stop = StopSignal::new();
        stop.raise();
        let stopped = fit(&config(), &samples, &Control::from(&stop)).map(|_| ());
        assert!(matches!(stopped, Err(TrainError::Stopped)), "{stopped:?}");
        let python = TrainConfig { distill: config().distill, ..TrainConfig::default() };
        let error = python.validate().expect_err("no pictures").to_string();
        assert!(error.contains("distill.judge = pictures needs a domain of pictures"), "{error}");
        let distill = Distill { sure: 0.0, ..config().distill };
        let unsure = TrainConfig { distill, ..config() };
        let error = fit(&unsure, &samples, &control).map(|_| ()).expect_err("nothing to judge");
        assert!(error.to_string().contains("needs a distill.sure above 0"), "{error}");
    }
}
