//! Downloads from the hub on the command line: a bar on a terminal, a line every few seconds elsewhere.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::corpus::hub::{Download, Hub, HubName, News};
use crate::engine::{fetch_model, EngineError};
use crate::report::visible;

/// A model of the hub, and its folder in the cache.
pub type Fetched = (HubName, PathBuf);

/// Downloads a model that is named after the hub; `None` for every other.
pub fn fetch(model: &str) -> Result<Option<Fetched>, EngineError> {
    if !HubName::is_one(model) {
        return Ok(None);
    }
    let hub = Hub::from_env().map_err(|e| EngineError::Load(e.to_string()))?;
    let mut shown = Shown::default();
    fetch_model(&hub, model, &mut |news| shown.tell(news)).map(Some)
}

/// What is shown of downloads, on standard error.
#[derive(Default)]
pub struct Shown {
    bar: Option<ProgressBar>,
    file: String,
    said: Option<Instant>,
}

impl Shown {
    /// Shows one piece of news.
    pub fn tell(&mut self, news: &News) -> ControlFlow<()> {
        match news {
            News::Offline(reason) => {
                eprintln!("{}; what the cache holds is used", visible(reason));
            }
            News::File(download) => self.file(download),
        }
        ControlFlow::Continue(())
    }

    fn file(&mut self, download: &Download) {
        let Download { file, number: (number, of), done, total } = download;
        let heading = format!("{} ({number} of {of})", visible(file));
        if self.file != *file {
            self.file.clone_from(file);
            self.said = Some(Instant::now());
            if std::io::stderr().is_terminal() {
                let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
                let bar = ProgressBar::new(*total);
                let style = ProgressStyle::with_template(template).ok();
                self.bar = Some(style.map_or(bar.clone(), |style| bar.with_style(style)));
            } else {
                eprintln!("downloading {heading}, {}", HumanBytes(*total));
            }
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(heading);
                bar.set_position(*done);
                if done >= total {
                    bar.finish_and_clear();
                }
            }
            None if self.said.is_some_and(|said| said.elapsed() >= Duration::from_secs(5)) => {
                self.said = Some(Instant::now());
                eprintln!("{heading}: {} of {}", HumanBytes(*done), HumanBytes(*total));
            }
            None => {}
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
