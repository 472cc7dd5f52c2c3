//! Pools: of latents made by hand, and of the bundled model.

use std::ops::ControlFlow;

use super::*;
use crate::domain::{domain, Verdict};
use crate::engine::{LoadedModel, ModelInfo, RowUpdate, TokenProbability};

/// A model whose latent of a text is its number of letters `x` and of letters `y`, and whose decode is as many of each.
pub(in crate::engine) struct Letters;

impl LatentModel for Letters {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "letters".into(),
            domain: "text".into(),
            parameters: 0,
            latent_tokens: 1,
            latent_size: 2,
            geometry: Geometry::Flat,
        }
    }

    fn encode(&self, texts: &[String]) -> Result<Vec<Latent>, EngineError> {
        let count = |text: &str, letter| text.matches(letter).count() as f32;
        let latent =
            |t: &String| Latent { tokens: 1, size: 2, values: vec![count(t, 'x'), count(t, 'Y')] };
        Ok(texts.iter().map(latent).collect())
    }

    fn decode(
        &self,
        latents: &[Latent],
        on_step: &mut dyn FnMut(&[RowUpdate]) -> ControlFlow<()>,
    ) -> Result<Vec<String>, EngineError> {
        if on_step(&[]).is_break() {
            return Err(EngineError::Cancelled);
        }
        let many = |letter: &str, x: f32| letter.repeat(x.round().max(0.0) as usize);
        Ok(latents.iter().map(|l| many("x", l.values[0]) + &many("Y", l.values[1])).collect())
    }

    fn search(&self, latents: &[Latent]) -> Result<Vec<Option<String>>, EngineError> {
        Ok(vec![None; latents.len()])
    }

    fn probabilities(&self, _: &Latent, _: &str) -> Result<Vec<TokenProbability>, EngineError> {
        Ok(Vec::new())
    }

    fn verdict(&self, text: &str) -> Verdict {
        if text.is_empty() {
            Verdict::invalid(1, 1, "nothing")
        } else {
            Verdict::Valid
        }
    }

    fn samples(&self) -> &[Example] {
        &[]
    }
}

pub(in crate::engine) fn example(text: &str, label: Option<&str>) -> Example {
    Example { text: text.to_owned(), label: label.map(str::to_owned) }
}

/// Texts of one to ten `x` and one to ten `Y`, labelled by which letter they have more of.
fn letters() -> Pool {
    let examples: Vec<Example> = (0..100)
        .map(|i| {
            let (x, y) = (i % 10 + 1, i / 10 + 1);
            let label = if x > y { "x" } else { "Y" };
            example(&("x".repeat(x) + &"Y".repeat(y)), Some(label))
        })
        .collect();
    Pool::encode(&Letters, &examples, &mut |_| true).unwrap().unwrap()
}

fn named<'a>(found: &'a [NamedDirection], name: &str) -> &'a NamedDirection {
    found.iter().find(|d| d.name == name).unwrap_or_else(|| panic!("{name} in {found:?}"))
}

#[test]
fn a_pool_keeps_the_order_and_no_text_twice() {
    let examples = [example("xxY", Some("a")), example("x", None), example("xxY", Some("b"))];
    let mut blocks = 0;
    let pool = Pool::encode(&Letters, &examples, &mut |_| {
        blocks += 1;
        true
    });
    let pool = pool.unwrap().unwrap();
    assert_eq!((pool.texts(), blocks), (&["xxY".to_owned(), "x".to_owned()][..], 1));
    assert_eq!(pool.labels(), [Some("a".to_owned()), None]);
    assert_eq!(pool.latents()[0].values, [2.0, 1.0]);
    assert_eq!(Pool::encode(&Letters, &examples, &mut |_| false), Ok(None));
    let nothing = Pool::encode(&Letters, &[], &mut |_| true).unwrap().unwrap();
    assert!(nothing.directions(domain("text").unwrap()).is_empty());
}

#[test]
fn neighbours_are_told_with_their_distance() {
    let pool = letters();
    let z = Latent { tokens: 1, size: 2, values: vec![3.0, 4.0] };
    let near = pool.nearest(&z, "xxxYYYY", 3);
    assert_eq!((near.len(), near[0].text.as_str(), near[0].distance), (3, "xxxYYYY", 0.0));
    assert!(near[0].same_text && !near[1].same_text && near[1].distance == 1.0);
    assert_eq!(near[0].label.as_deref(), Some("Y"));
    let angles = Pool { geometry: Geometry::Sphere, ..pool };
    let near = angles.nearest(&Latent { tokens: 1, size: 2, values: vec![80.0, 0.0] }, "", 100);
    assert_eq!(near[0].text, "xxxxxxxxxxY");
    assert!(near.windows(2).all(|w| w[0].distance <= w[1].distance) && near[99].distance < 1.0);
    let other = Latent { tokens: 2, size: 1, values: vec![3.0, 4.0] };
    assert!(angles.nearest(&other, "", 3).is_empty());
}

#[test]
fn a_direction_leads_from_one_label_to_another() {
    // A third label beside the two, which lies elsewhere and must not count.
    let mut examples: Vec<Example> = (1..31)
        .flat_map(|i| {
            let side = |letter: &str| letter.repeat(i + 5) + &"Y".repeat(i % 3);
            [example(&side("x"), Some("long")), example(&"x".repeat(i % 5 + 1), Some("short"))]
        })
        .collect();
    examples.extend((0..30).map(|i| example(&"Y".repeat(i + 40), Some("other"))));
    examples
        .extend((0..20).map(|i| example(&("x".to_owned() + &"Y".repeat(i + 1)), Some("short"))));
    let pool = Pool::encode(&Letters, &examples, &mut |_| true).unwrap().unwrap();
    let found = pool.between_labels("short", "long").unwrap();
    assert_eq!((&*found.name, found.source, found.with), ("short → long", Source::Label, 30));
    let (kept, held) = pool.hold_out(12);
    let probe = Probe::new(&Letters, domain("text").unwrap(), &kept, &held, 0, &mut || true);
    let measured = probe.unwrap().measure(&found, &[-2.0, 2.0], &mut || true).unwrap();
    assert!(measured.effect.figures.asked > 0, "decodes are read as the label that it leads to");
    let Err(error) = kept.between_labels("short", "rare") else { panic!("no text is rare") };
    assert!(error.to_string().contains("rare"), "{error}");
}

#[test]
fn held_texts_are_spread_over_the_pool() {
    let (kept, held) = letters().hold_out(16);
    assert_eq!((kept.texts().len(), held.texts().len()), (84, 16));
    assert!(held.texts().iter().all(|text| !kept.texts().contains(text)));
    assert_eq!(held.latents(), Letters.encode(held.texts()).unwrap());
    let (kept, held) = letters().hold_out(1000);
    assert_eq!((kept.texts().len(), held.texts().len()), (0, 100));
}

#[test]
fn directions_point_to_what_they_are_named_after() {
    let found = letters().directions(domain("text").unwrap());
    let length = named(&found, "length");
    assert_eq!((length.source, length.with), (Source::Number, 100));
    assert!(length.direction.values().iter().all(|&x| (x - 0.5f32.sqrt()).abs() < 1e-4));
    // At equal length more of one letter is less of the other.
    for (name, wanted) in [("upper case", [-1.0, 1.0]), ("x", [1.0, -1.0]), ("Y", [-1.0, 1.0])] {
        let values = named(&found, name).direction.values().to_vec();
        assert!((0..2).all(|i| (values[i] - wanted[i] * 0.5f32.sqrt()).abs() < 0.1), "{name}");
    }
    assert_eq!((named(&found, "x").with, named(&found, "x").without), (45, 55));
    assert!(found.iter().all(|d| d.name != "digit"), "no text has a digit");
    assert_eq!(found.iter().filter(|d| d.source == Source::Component).count(), 2);
}

#[test]
fn a_probe_sees_what_a_direction_does_and_what_a_random_one_does_not() {
    let (known, held) = letters().hold_out(16);
    let text = domain("text").unwrap();
    let found = known.directions(text);
    let mut go_on = || true;
    let probe = Probe::new(&Letters, text, &known, &held, 3, &mut go_on).unwrap();
    let mut measure =
        |name| probe.measure(named(&found, name), &[2.0, -2.0, 1.0], &mut go_on).unwrap();

    let label = measure("x");
    assert_eq!((label.texts, label.base_validity), (16, 1.0));
    let flips = label.effect.figures.flip_rate.unwrap();
    assert!(flips > 0.7 && flips > label.control.figures.flip_rate.unwrap(), "{label:?}");
    assert_eq!(label.effect.figures.asked, 16, "each text can turn one way");
    assert!(label.effect.monotony.unwrap() > 0.9);
    let strengths: Vec<f32> = label.effect.steps.iter().map(|step| step.strength).collect();
    assert_eq!(strengths, [-2.0, 1.0, 2.0]);

    let length = measure("length");
    let figures = &length.effect.figures;
    assert!(figures.mean_change.unwrap() > 3.0 && figures.flip_rate.is_none(), "{length:?}");
    assert!(figures.preservation < 1.0 && figures.changed > 0.9);
    assert!(length.effect.monotony.unwrap() > 0.9);
    assert!(figures.mean_change > length.control.figures.mean_change);

    let component = measure("PC 1");
    assert_eq!((component.effect.figures.flip_rate, component.effect.monotony), (None, None));
    let cancelled = probe.measure(named(&found, "x"), &[1.0], &mut || false);
    assert_eq!(cancelled, Err(EngineError::Cancelled));
    assert!(probe.measure(named(&found, "x"), &[f32::NAN], &mut || true).is_err());
}

#[test]
fn the_bundled_model_moves_along_the_directions_of_its_own_samples() {
    let model = LoadedModel::open("python").unwrap();
    assert_eq!(model.info().geometry, Geometry::Sphere);
    let examples: Vec<Example> = model.samples().to_vec();
    let pool = Pool::encode(&model, &examples, &mut |_| true).unwrap().unwrap();
    let own = pool.nearest(&pool.latents()[7], &pool.texts()[7], 1);
    assert!(own[0].same_text && own[0].distance < 1e-5);

    let (known, held) = pool.hold_out(24);
    let found = known.directions(model.domain());
    let call = named(&found, "call");
    assert!(call.with >= 20 && call.without >= 20);
    let mut go_on = || true;
    let probe = Probe::new(&model, model.domain(), &known, &held, 1, &mut go_on).unwrap();
    let measured = probe.measure(call, &[-6.0, 6.0], &mut go_on).unwrap();
    let (effect, control) = (&measured.effect.figures, &measured.control.figures);
    assert!(effect.flip_rate > control.flip_rate, "{measured:?}");
    assert_eq!(probe.measure(call, &[-6.0, 6.0], &mut go_on).unwrap(), measured);

    let decoder = decoder_directions(model.model(), &known, 2).unwrap();
    assert_eq!(decoder.len(), 2 * model.info().latent_tokens);
    assert_eq!(decoder[1].name, "decoder 1.2");
    let text = serde_json::to_string(&decoder[1]).unwrap();
    assert_eq!(serde_json::from_str::<NamedDirection>(&text).unwrap(), decoder[1]);
}
