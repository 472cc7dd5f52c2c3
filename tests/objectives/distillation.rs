//! Self-distillation: which decodes are learnt, and what learning them does.

use candle_core::Device;
use tvae_tui::model::{Regulariser, TransformerVae};
use tvae_tui::numeric::adamw::{AdamW, AdamWConfig};
use tvae_tui::train::{
    run_part, Beside, Blend, Budget, Distill, Distilled, Noise, Report, StepInput, TrainConfig,
};

use super::{config, Fixture};

#[test]
fn a_distilled_text_is_learnt_by_both_sides() {
    for shards in [1, 2] {
        let config = TrainConfig {
            shards,
            regulariser: Regulariser::None,
            noise: Noise::none(),
            blend: Blend::none(),
            distill: Distill { share: 0.15, ..Distill::default() },
            ..config()
        };
        let model = config.model_config(config.vocab).expect("a shape");
        let model = TransformerVae::new(model, 5, &Device::Cpu).expect("a model");
        let all: Vec<Vec<u32>> =
            (0..8u32).map(|i| (0..5).map(|k| 4 + i * 9 + k).collect()).collect();
        let all: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
        let distilled = [
            Distilled { pair: 0, ratio: 0.5, ids: vec![300, 301, 302] },
            Distilled { pair: 3, ratio: 0.4, ids: vec![310, 311] },
        ];
        let params = model.parameters().into_iter().map(|(name, var)| (name, var, false));
        let adam = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.0 };
        let mut adam = AdamW::new(params.collect(), adam).expect("an optimiser");
        let mut values = Vec::new();
        for step in 0..120 {
            let (lines, partners) = all.split_at(4);
            let input = StepInput {
                step,
                progress: 1.0,
                sigma_max: 0.0,
                lines,
                partners,
                between: None,
                vocab: 384,
            };
            let beside = Beside { distilled: &distilled, ..Beside::default() };
            let results = run_part(&model, &config, input, &beside).expect("a step");
            let sum =
                results.iter().fold(Default::default(), |s: tvae_tui::train::Objectives, r| {
                    s.plus(&r.objectives)
                });
            values.push(sum);
            let grads: Vec<_> = results.iter().map(|r| &r.grads).collect();
            adam.step(&grads, 3e-3, Some(1.0)).expect("a step");
        }
        let (first, last) = (values[0], values[119]);
        assert_eq!(first.distilled_texts, Some(2.0));
        println!("{first:?}\n{last:?}");
        assert!(last.distilled < first.distilled.map(|v| 0.3 * v), "{first:?} {last:?}");
        assert!(last.distilled_latent < first.distilled_latent.map(|v| 0.5 * v));
    }
}

#[test]
fn a_run_learns_some_of_its_own_decodes_late_and_not_before() {
    learns_its_own_decodes_late(1);
}

#[test]
fn a_pool_of_pairs_does_not_raise_how_many_are_learnt() {
    learns_its_own_decodes_late(8);
}

fn learns_its_own_decodes_late(pool: usize) {
    let config = TrainConfig {
        budget: Budget::Steps(200),
        batch: 32,
        distill: Distill { share: 0.15, from: 0.7, pool, samples: 4, ..Distill::default() },
        ..config()
    };
    let dir = tempfile::tempdir().expect("folder");
    let reports = Fixture::new(&config, 300).run(&config, dir.path(), None, false);
    let texts = |report: &Report| match report {
        Report::Step { step, objectives, .. } => (*step, objectives.distilled_texts),
        _ => (0, None),
    };
    let told: Vec<_> = reports.iter().map(texts).collect();
    println!("{told:?}");
    assert!(told.iter().filter(|(step, _)| *step <= 140).all(|(_, texts)| texts.is_none()));
    let late: Vec<f64> = told.iter().filter_map(|(_, texts)| *texts).collect();
    // A seventh of 32 lines at most.
    assert!(!late.is_empty() && late.iter().all(|&n| n > 0.0 && n <= 4.0), "{told:?}");
}
