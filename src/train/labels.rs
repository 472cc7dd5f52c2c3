//! Which labels a run's model is to tell.

use super::config::Classes;
use super::{Inputs, TrainConfig, TrainError};

/// The labels that a run's model tells, where it does; the model that it starts from has told the same or none.
pub(super) fn labels(config: &TrainConfig, inputs: &Inputs<'_>) -> Result<Vec<String>, TrainError> {
    let Classes { weight, decoder } = config.classes;
    let labels = if weight > 0.0 { inputs.train.labels() } else { Vec::new() };
    if weight > 0.0 && labels.len() < 2 {
        return Err(TrainError::Config(format!(
            "classes.weight = {weight} needs lines of two labels at least and the data have {}: --label-column names their column",
            labels.len()
        )));
    }
    let told = inputs.start.as_ref().and_then(|start| start.config().labels());
    match told {
        Some(told) if told.names != labels => Err(TrainError::Config(format!(
            "the model to start from tells the labels {} and this run's is to tell {}: classes.weight above 0 and lines with these labels go on with it",
            list(&told.names),
            list(&labels)
        ))),
        Some(told) if told.decoder && !decoder => Err(TrainError::Config(
            "the decoder of the model to start from is told labels: classes.decoder = true goes on with it".to_owned(),
        )),
        _ => Ok(labels),
    }
}

/// The first few names, or that there are none.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    match names.len() {
        0 => "none".to_owned(),
        n if n <= SHOWN => names.join(", "),
        n => format!("{}, … ({n} in all)", names[..SHOWN].join(", ")),
    }
}
