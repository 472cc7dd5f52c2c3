//! The engine's thread: opens the model, then serves the slot.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Instant;

use crossbeam_channel::Sender;

use super::slot::Slot;
use super::{Ends, EngineError, LatentModel, Reply, Request};
use crate::latent::{ladder, ratios, Latent};
use crate::report::Rung;

pub(super) fn run(
    slot: &Slot,
    replies: &Sender<Reply>,
    open: impl FnOnce() -> Result<Box<dyn LatentModel>, EngineError>,
) {
    // Whoever listened is gone when sending fails; the slot is closed then, too.
    let tell = |reply| drop(replies.send(reply));
    let fail = |message: String| {
        tracing::error!("{message}");
        tell(Reply::Failed { message });
    };
    let model = match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(model)) => model,
        Ok(Err(e)) => return fail(e.to_string()),
        Err(panic) => return fail(panic_text(&*panic)),
    };
    tell(Reply::Ready { info: model.info(), samples: model.samples().to_vec() });
    let mut worker = Worker { slot, model: &*model, encoded: None };
    while let Some(request) = slot.take() {
        let clock = Instant::now();
        let served = catch_unwind(AssertUnwindSafe(|| worker.serve(&request, &tell)));
        let ms = 1e3 * clock.elapsed().as_secs_f64();
        match served {
            Ok(Ok(())) => tracing::debug!(request = request.name(), ms, "served"),
            Ok(Err(EngineError::Cancelled)) => {
                tracing::debug!(request = request.name(), ms, "cancelled");
                if matches!(request, Request::Ladder { .. }) {
                    slot.put_back(request);
                }
            }
            Ok(Err(e)) => fail(e.to_string()),
            Err(panic) => fail(panic_text(&*panic)),
        }
    }
}

impl Request {
    /// What it asks for, in the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Ladder { .. } => "ladder",
            Self::Point { .. } => "point",
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    format!("the model stopped with an internal error ({text}); please report it")
}

struct Worker<'a> {
    slot: &'a Slot,
    model: &'a dyn LatentModel,
    /// The texts and latents of the last ends: sliding must not encode them again.
    encoded: Option<([String; 2], [Latent; 2])>,
}

impl Worker<'_> {
    fn serve(&mut self, request: &Request, tell: &dyn Fn(Reply)) -> Result<(), EngineError> {
        match request {
            Request::Ladder { generation, ends, rungs } => {
                let generation = *generation;
                let ratios = ratios(*rungs);
                let latents = self.latents(ends, &ratios)?;
                let texts = self.decode(request, &latents, &mut |rows| {
                    tell(Reply::LadderStep { generation, rows: rows.to_vec() });
                })?;
                let rungs = texts.into_iter().zip(ratios).map(|(t, r)| self.rung(r, t)).collect();
                tell(Reply::LadderDone { generation, rungs });
            }
            Request::Point { generation, ends, ratio } => {
                let generation = *generation;
                let latents = self.latents(ends, &[*ratio])?;
                let texts = self.decode(request, &latents, &mut |rows| {
                    if let Some((_, text, _)) = rows.last() {
                        tell(Reply::PointStep { generation, text: text.clone() });
                    }
                })?;
                let text = texts.into_iter().next().unwrap_or_default();
                tell(Reply::PointDone { generation, rung: self.rung(*ratio, text) });
            }
        }
        Ok(())
    }

    fn rung(&self, ratio: f32, text: String) -> Rung {
        Rung { ratio, verdict: self.model.verdict(&text), text }
    }

    fn decode(
        &self,
        request: &Request,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[super::RowUpdate]),
    ) -> Result<Vec<String>, EngineError> {
        self.model.decode(latents, &mut |rows| {
            if self.slot.supersedes(request) {
                return ControlFlow::Break(());
            }
            if !rows.is_empty() {
                on_step(rows);
            }
            ControlFlow::Continue(())
        })
    }

    fn latents(&mut self, ends: &Ends, ratios: &[f32]) -> Result<Vec<Latent>, EngineError> {
        let known = |texts: &[String; 2]| texts[0] == ends.a && texts[1] == ends.b;
        let [a, b] = match self.encoded.take().filter(|(texts, _)| known(texts)) {
            Some((_, latents)) => latents,
            None => {
                let encoded = self.model.encode(&[ends.a.clone(), ends.b.clone()])?;
                <[Latent; 2]>::try_from(encoded)
                    .map_err(|_| EngineError::Model("it did not encode both ends".to_owned()))?
            }
        };
        let result =
            ladder(&a, &b, ratios, ends.path).map_err(|e| EngineError::Model(e.to_string()));
        self.encoded = Some(([ends.a.clone(), ends.b.clone()], [a, b]));
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Engine, ModelInfo, RowUpdate};
    use super::*;
    use crate::domain::Verdict;
    use crate::latent::Path;

    /// Decodes a latent to its first number, a character per step, slowly.
    struct Slow {
        steps: Arc<AtomicUsize>,
        started: Arc<AtomicUsize>,
    }

    impl LatentModel for Slow {
        fn info(&self) -> ModelInfo {
            ModelInfo {
                name: "slow".into(),
                domain: "text".into(),
                parameters: 1,
                latent_tokens: 1,
                latent_size: 1,
            }
        }

        fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
            let value =
                |t: &String| t.parse().map_err(|_| EngineError::Model(format!("no number: {t}")));
            texts
                .iter()
                .map(|t| Ok(Latent { tokens: 1, size: 1, values: vec![value(t)?] }))
                .collect()
        }

        fn decode(
            &self,
            latents: &[Latent],
            on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
        ) -> Result<Vec<String>, EngineError> {
            self.started.fetch_add(1, Ordering::SeqCst);
            let texts: Vec<String> =
                latents.iter().map(|l| format!("{:.2}", l.values[0])).collect();
            for n in 1..=4 {
                std::thread::sleep(Duration::from_millis(5));
                self.steps.fetch_add(1, Ordering::SeqCst);
                let rows: Vec<RowUpdate> = texts
                    .iter()
                    .enumerate()
                    .map(|(i, t)| (i, t[..n.min(t.len())].to_owned(), n == 4))
                    .collect();
                if on_step(&rows).is_break() {
                    return Err(EngineError::Cancelled);
                }
            }
            assert!(texts[0] != "13.00", "unlucky");
            Ok(texts)
        }

        fn verdict(&self, _: &str) -> Verdict {
            Verdict::Valid
        }

        fn samples(&self) -> &[String] {
            &[]
        }
    }

    fn ends(a: &str, b: &str) -> Ends {
        Ends { a: a.into(), b: b.into(), path: Path::Linear }
    }

    fn engine() -> (Engine, Arc<AtomicUsize>) {
        let started = Arc::new(AtomicUsize::new(0));
        let model = Slow { steps: Arc::default(), started: Arc::clone(&started) };
        let engine =
            Engine::spawn(move || Ok(Box::new(model) as Box<dyn LatentModel>)).expect("thread");
        (engine, started)
    }

    fn wait(engine: &Engine, done: impl Fn(&Reply) -> bool) -> Vec<Reply> {
        let mut seen = Vec::new();
        loop {
            let reply = engine.replies().recv_timeout(Duration::from_secs(20)).expect("a reply");
            let last = done(&reply);
            seen.push(reply);
            if last {
                return seen;
            }
        }
    }

    #[test]
    fn holding_a_key_leaves_one_running_and_one_waiting_and_the_last_wins() {
        let (engine, started) = engine();
        for generation in 0..500 {
            let ratio = generation as f32 / 500.0;
            engine.request(Request::Point { generation, ends: ends("0", "1"), ratio });
        }
        let seen = wait(&engine, |r| matches!(r, Reply::PointDone { generation: 499, .. }));
        let Some(Reply::PointDone { rung, .. }) = seen.last() else { panic!("{seen:?}") };
        assert_eq!(rung.text, "1.00");
        assert!(started.load(Ordering::SeqCst) < 50, "requests were queued");
    }

    #[test]
    fn a_ladder_stands_back_for_a_point_and_comes_all_the_same() {
        let (engine, _) = engine();
        engine.request(Request::Ladder { generation: 1, ends: ends("0", "1"), rungs: 3 });
        wait(&engine, |r| matches!(r, Reply::LadderStep { .. }));
        engine.request(Request::Point { generation: 2, ends: ends("0", "1"), ratio: 0.5 });
        let seen = wait(&engine, |r| matches!(r, Reply::LadderDone { generation: 1, .. }));
        let point = seen.iter().position(|r| matches!(r, Reply::PointDone { generation: 2, .. }));
        assert!(point.is_some_and(|at| at + 1 < seen.len()));
        let Some(Reply::LadderDone { rungs, .. }) = seen.last() else { panic!("{seen:?}") };
        let texts: Vec<&str> = rungs.iter().map(|r| r.text.as_str()).collect();
        assert_eq!(texts, ["0.00", "0.50", "1.00"]);
    }

    #[test]
    fn failures_and_panics_are_told_and_the_engine_goes_on() {
        let (engine, _) = engine();
        engine.request(Request::Point { generation: 1, ends: ends("x", "1"), ratio: 0.5 });
        let failed = |r: &Reply| matches!(r, Reply::Failed { .. });
        let seen = wait(&engine, failed);
        assert!(format!("{:?}", seen.last()).contains("no number"));
        engine.request(Request::Point { generation: 2, ends: ends("13", "13"), ratio: 0.0 });
        let seen = wait(&engine, failed);
        assert!(format!("{:?}", seen.last()).contains("unlucky"));
        engine.request(Request::Point { generation: 3, ends: ends("0", "1"), ratio: 0.0 });
        wait(&engine, |r| matches!(r, Reply::PointDone { generation: 3, .. }));
    }

    #[test]
    fn a_model_that_does_not_open_is_told() {
        let open = || Err(EngineError::Load("no such model".into()));
        let engine = Engine::spawn(open).expect("thread");
        let seen = wait(&engine, |_| true);
        assert_eq!(seen, [Reply::Failed { message: "no such model".into() }]);
    }
}
