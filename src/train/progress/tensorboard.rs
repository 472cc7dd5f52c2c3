//! A run's reports as TensorBoard's events: figures as scalars, the ladder and the samples as texts and, where the domain
//! has pictures, as pictures.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Progress, Report};
use crate::domain::Domain;
use crate::report::{picture_sheet, rungs_block, visible, EventFile, EventValue};
use crate::train::{Reconstruction, ShownLadder, TrainError};

/// Writes `events.out.tfevents.*` into the run's folder; a run that goes on adds a file.
pub struct TensorBoard<'a> {
    file: EventFile,
    domain: &'a dyn Domain,
}

impl<'a> TensorBoard<'a> {
    /// Starts a file in `dir` for a run that starts at `step`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(dir: &Path, step: usize, domain: &'a dyn Domain) -> Result<Self, TrainError> {
        let file = EventFile::create(dir, step).map_err(|e| TrainError::file(dir, e))?;
        Ok(Self { file, domain })
    }

    fn write(&mut self, step: usize, values: &[(&str, EventValue)]) -> Result<(), TrainError> {
        if values.is_empty() {
            return Ok(());
        }
        self.file.write(step, values).map_err(|e| TrainError::file(self.file.path(), e))
    }

    /// Every number of a report under its name.
    fn figures(&mut self, group: &str, report: &Report) -> Result<(), TrainError> {
        let Ok(Value::Object(fields)) = serde_json::to_value(report) else { return Ok(()) };
        let mut found = Vec::new();
        scalars(group, &fields, &mut found);
        let values: Vec<(&str, EventValue)> =
            found.iter().map(|(tag, value)| (tag.as_str(), EventValue::Scalar(*value))).collect();
        self.write(report.step(), &values)
    }

    fn ladder(&mut self, step: usize, ladder: &ShownLadder) -> Result<(), TrainError> {
        let texts: Vec<String> = ladder.rungs.iter().map(|rung| rung.text.clone()).collect();
        let valid: Vec<bool> = ladder.rungs.iter().map(|rung| rung.valid).collect();
        let mut values =
            vec![("ladder", EventValue::Text(rungs_block(&texts, &valid, Some(self.domain))))];
        values.extend(self.picture("ladder/picture", &[&texts]));
        self.write(step, &values)
    }

    fn samples(&mut self, step: usize, lines: &[Reconstruction]) -> Result<(), TrainError> {
        let mut text = String::new();
        for Reconstruction { text: line, decoded } in lines {
            let mark = if line == decoded { '=' } else { '≠' };
            text += &format!("    {}\n    {mark} {}\n\n", visible(line), visible(decoded));
        }
        let mut values = vec![("samples", EventValue::Text(text))];
        let row = |of: fn(&Reconstruction) -> &String| lines.iter().map(of).cloned().collect();
        let rows: [Vec<String>; 2] = [row(|r| &r.text), row(|r| &r.decoded)];
        values.extend(self.picture("samples/picture", &[&rows[0], &rows[1]]));
        self.write(step, &values)
    }

    /// Rows of texts as one picture, where the domain's texts are pictures.
    fn picture(&self, tag: &'static str, rows: &[&[String]]) -> Option<(&'static str, EventValue)> {
        let rows: Option<Vec<Vec<_>>> = rows
            .iter()
            .map(|row| row.iter().map(|text| self.domain.picture(text)).collect())
            .collect();
        let sheet = picture_sheet(&rows.filter(|rows| rows.iter().all(|row| !row.is_empty()))?);
        Some((tag, EventValue::Picture(sheet.ok()?)))
    }
}

/// The numbers of an object and of those within it, but the step.
fn scalars(prefix: &str, fields: &Map<String, Value>, into: &mut Vec<(String, f32)>) {
    for (name, value) in fields {
        let tag = format!("{prefix}/{name}");
        match value {
            Value::Number(number) if name != "step" => {
                into.extend(number.as_f64().map(|number| (tag, number as f32)));
            }
            Value::Object(fields) => scalars(&tag, fields, into),
            _ => {}
        }
    }
}

impl Progress for TensorBoard<'_> {
    fn report(&mut self, report: &Report) -> Result<(), TrainError> {
        match report {
            Report::Step { .. } => self.figures("train", report),
            Report::Evaluation { .. } => self.figures("held_out", report),
            Report::Ladder { step, ladder } => self.ladder(*step, ladder),
            Report::Samples { step, lines } => self.samples(*step, lines),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
