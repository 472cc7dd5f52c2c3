//! What tells the labels of decoded pictures: the classifier that a model of digits keeps.

use super::{Inputs, TrainConfig, TrainError};
use crate::domain::{class_named, DigitJudge, Examiner};

/// The classifier, and what its classes are among the labels of the data.
pub(super) struct PictureLabels<'a> {
    judge: &'a DigitJudge,
    /// By digit.
    labels: [Option<u32>; 10],
}

impl<'a> PictureLabels<'a> {
    /// Those of a run whose self-distillation asks for them; `None` for others.
    ///
    /// # Errors
    /// Lines that no classifier was trained on, a judge that is asked for no probability.
    pub(super) fn of(
        config: &TrainConfig,
        inputs: &Inputs<'a>,
    ) -> Result<Option<Self>, TrainError> {
        if !config.distills_pictures() {
            return Ok(None);
        }
        if config.distill.sure <= 0.0 {
            return Err(TrainError::Config(
                "distill.judge = pictures needs a distill.sure above 0".to_owned(),
            ));
        }
        let Some(Examiner::Digits(judge)) = inputs.examiner else {
            return Err(TrainError::Config(
                "distill.judge = pictures needs lines that are digits, with the labels 0 to 9: --label-column names their column"
                    .to_owned(),
            ));
        };
        let mut labels = [None; 10];
        for (number, name) in (0u32..).zip(&inputs.train.labels()) {
            if let Some(class) = class_named(name) {
                labels[usize::from(class)] = Some(number);
            }
        }
        Ok(Some(Self { judge, labels }))
    }

    /// The label of each of these texts and its probability; `None` for a class that the data have not, and for a text that is no
    /// picture of the classifier's size.
    ///
    /// # Errors
    /// Those of the numeric core.
    pub(super) fn tell(&self, texts: &[String]) -> Result<Vec<(Option<u32>, f32)>, TrainError> {
        let label = |class: u8| self.labels.get(usize::from(class)).copied().flatten();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let told = self.judge.opinions(&texts)?.into_iter().map(|opinion| match opinion {
            Some(opinion) => (label(opinion.class), opinion.probability),
            None => (None, 0.0),
        });
        Ok(told.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::mnist_text::Size;
    use crate::corpus::Example;
    use crate::domain::domain;
    use crate::train::{encode_corpus, Distill, LabelJudge, Preset, TrainingData};

    fn config() -> TrainConfig {
        TrainConfig {
            distill: Distill {
                share: 0.15,
                sure: 0.9,
                judge: LabelJudge::Pictures,
                ..Distill::default()
            },
            max_len: 85,
            ..TrainConfig::preset(Preset::Tiny, "mnist")
        }
    }

    /// What is told of texts, and the names of the labels.
    type Told = (Vec<(Option<u32>, f32)>, Vec<String>);

    /// What a run of these lines is told of them.
    fn told(config: &TrainConfig, lines: &[Example]) -> Result<Option<Told>, TrainError> {
        let mnist = domain("mnist").expect("a domain");
        let codec = mnist.train_codec(&mut std::iter::empty(), 0).expect("a codec");
        let train = encode_corpus(&codec, lines, config.max_len, &mut |_| ()).expect("encoded");
        let judge = DigitJudge::fit(lines, lines, Size::Tiny, 0, &mut |_, _| true).expect("fits");
        let examiner = judge.map(Examiner::Digits);
        let inputs = Inputs {
            domain: mnist,
            codec: &codec,
            train: &train,
            held_out: &TrainingData::default(),
            examiner: examiner.as_ref(),
            data_name: "samples",
            start: None,
            device: candle_core::Device::Cpu,
        };
        let texts: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
        let labels = PictureLabels::of(config, &inputs)?;
        labels.map(|labels| Ok((labels.tell(&texts)?, train.labels()))).transpose()
    }

    #[test]
    fn digits_are_told_by_their_pictures() {
        // Labels in another order than the digits'.
        let named = |label: &str| match label {
            "9" => "09".to_owned(),
            other => other.to_owned(),
        };
        let mut lines = domain("mnist").expect("a domain").samples_within(85);
        lines.iter_mut().for_each(|line| line.label = line.label.as_deref().map(named));
        let (told, names) = told(&config(), &lines).expect("told").expect("asked for");
        let right = told.iter().zip(&lines).filter(|((label, _), line)| {
            label.map(|number| &names[number as usize]) == line.label.as_ref()
        });
        let right = right.count();
        assert!(right * 10 > lines.len() * 9, "{right} of {}", lines.len());
    }

    #[test]
    fn what_cannot_be_told_is_refused_and_what_is_not_asked_for_is_not_told() {
        let samples = domain("mnist").expect("a domain").samples_within(85);
        let unlabelled: Vec<Example> =
            samples.iter().map(|line| Example { label: None, ..line.clone() }).collect();
        let error = told(&config(), &unlabelled).map(|_| ()).expect_err("no labels");
        assert!(error.to_string().contains("distill.judge = pictures"), "{error}");
        let off = TrainConfig { distill: Distill::default(), ..config() };
        assert!(told(&off, &samples[..20]).expect("nothing to tell").is_none());
        let python = TrainConfig { distill: config().distill, ..TrainConfig::default() };
        let error = python.validate().expect_err("no pictures").to_string();
        assert!(error.contains("distill.judge = pictures needs a domain of pictures"), "{error}");
        let distill = Distill { sure: 0.0, ..config().distill };
        let unsure = TrainConfig { distill, ..config() };
        let error = told(&unsure, &samples[..20]).map(|_| ()).expect_err("nothing to judge");
        assert!(error.to_string().contains("needs a distill.sure above 0"), "{error}");
    }
}
