//! Networks that tell digits apart, trained on real ones: what a model of digits keeps to judge its decodes, and anew, from another
//! seed, by an evaluation.
//!
//! Two networks of two convolutions and two layers behind them (LeCun et al. 1998), each from its own start and in a thread of its
//! own. What they say is the mean of their probabilities, which is less sure than either where training told nothing
//! (Lakshminarayanan et al. 2017). Digits are moved, stretched, slanted and made noisy anew at every step.

mod augment;

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Result, Tensor, Var};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

use crate::corpus::mnist_text::{Digit, Size, LEVELS};
use crate::numeric;
use crate::numeric::adamw::{AdamW, AdamWConfig};

/// Digits, 0 to 9.
const CLASSES: usize = 10;
/// What is no digit is a class of its own, which is never told: it only takes probability away from the digits.
const NO_DIGIT: u32 = CLASSES as u32;
/// Networks whose probabilities are averaged.
const MEMBERS: usize = 2;
/// Channels of the two convolutions.
const CHANNELS: [usize; 2] = [32, 32];
/// Width of the layer in front of the classes.
const WIDTH: usize = 96;
/// Digits of a step.
const BATCH: usize = 128;
/// Pictures of a step, beside them, that are no digits.
const NO_DIGITS: usize = 8;
/// Times that every digit is seen, as far as the steps below allow.
const PASSES: usize = 5;
/// Few digits are seen more often, and those of a set larger than MNIST's not all as often.
const STEPS: std::ops::RangeInclusive<usize> = 300..=2400;
/// Peak of the learning rate, which rises over a tenth of the steps and falls to 0 on a half cosine.
const RATE: f64 = 3e-3;
/// Numbers of the largest tensor of a part of a step. candle shares larger sums of gradients out among threads that spin while
/// they wait, which costs more than it gains where two networks are trained side by side.
const PART: usize = 60_000;
/// Digits that are judged together.
const BLOCK: usize = 512;

/// Which digit a picture is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Opinion {
    /// The most probable digit.
    pub class: u8,
    /// Its probability.
    pub probability: f32,
}

impl Opinion {
    /// Probability from which a picture passes for a digit.
    pub const CREDIBLE: f32 = 0.9;

    /// Whether the picture passes for a digit.
    #[must_use]
    pub fn is_credible(self) -> bool {
        self.probability >= Self::CREDIBLE
    }
}

/// The trained networks.
#[derive(Debug)]
pub struct DigitClassifier {
    size: Size,
    members: Vec<Network>,
}

impl DigitClassifier {
    /// Trains on digits of one size and their classes, 0 to 9, with all draws from `seed`. `None` where `go_on`, asked with
    /// the steps done and those to be done, says so.
    ///
    /// # Errors
    /// No digits, or not as many classes; those of the numeric core.
    pub fn train(
        digits: &[Digit],
        classes: &[u8],
        seed: u64,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Option<Self>> {
        if digits.is_empty() || digits.len() != classes.len() {
            candle_core::bail!("{} digits and {} classes to learn", digits.len(), classes.len());
        }
        let wanted = PASSES * digits.len() / BATCH;
        let steps = wanted.clamp(*STEPS.start(), *STEPS.end());
        let stop = AtomicBool::new(false);
        let place = numeric::Place::here();
        let members: Vec<Result<Network>> = std::thread::scope(|scope| {
            let stop = &stop;
            let others: Vec<_> = (1..MEMBERS as u64)
                .map(|member| {
                    scope.spawn(move || {
                        place.avoid();
                        let go_on = &mut |_| !stop.load(Ordering::Relaxed);
                        Network::train((digits, classes), (seed, member), steps, go_on)
                    })
                })
                .collect();
            let first = Network::train((digits, classes), (seed, 0), steps, &mut |step| {
                let goes_on = go_on(step, steps);
                stop.store(!goes_on, Ordering::Relaxed);
                goes_on
            });
            // Whatever ends the first ends all.
            stop.store(stop.load(Ordering::Relaxed) || first.is_err(), Ordering::Relaxed);
            let rest = others
                .into_iter()
                .map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(first).chain(rest).collect()
        });
        if stop.load(Ordering::Relaxed) {
            // A failure is told; being stopped is none.
            return members.into_iter().find_map(std::result::Result::err).map_or(Ok(None), Err);
        }
        Ok(Some(Self {
            size: digits[0].size,
            members: members.into_iter().collect::<Result<_>>()?,
        }))
    }

    /// Size of the pictures that it knows.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// What each of these pictures is taken for; they have the size of those that were trained on.
    ///
    /// # Errors
    /// Pictures of another size.
    pub fn judge(&self, digits: &[Digit]) -> Result<Vec<Opinion>> {
        let mut opinions = Vec::with_capacity(digits.len());
        for block in digits.chunks(BLOCK) {
            let pixels: Vec<f32> = block.iter().flat_map(ink).collect();
            let mut sum = vec![0f32; block.len() * (CLASSES + 1)];
            for member in &self.members {
                let logits = member.logits(&pixels)?.flatten_all()?.to_vec1::<f32>()?;
                for (sum, logits) in
                    sum.chunks_exact_mut(CLASSES + 1).zip(logits.chunks_exact(CLASSES + 1))
                {
                    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let all: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
                    for (sum, l) in sum.iter_mut().zip(logits) {
                        *sum += (l - largest).exp() / all / MEMBERS as f32;
                    }
                }
            }
            opinions.extend(sum.chunks_exact(CLASSES + 1).map(|probabilities| {
                let digits = probabilities.iter().take(CLASSES).zip(0u8..);
                let (probability, class) = digits.fold((0.0, 0), |best, (&probability, class)| {
                    if probability > best.0 {
                        (probability, class)
                    } else {
                        best
                    }
                });
                Opinion { class, probability }
            }));
        }
        Ok(opinions)
    }

    /// The weights and this number as the bytes of a file.
    ///
    /// # Errors
    /// Those of candle and of the format.
    pub(super) fn to_bytes(&self, number: f32) -> std::result::Result<Vec<u8>, String> {
        let failed = |e: &dyn std::fmt::Display| e.to_string();
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let side = self.size.side() as f32;
        let mut parts: Vec<(String, Vec<usize>, Vec<u8>)> =
            vec![("number".to_owned(), vec![2], bytes(&[side, number]))];
        for (member, network) in self.members.iter().enumerate() {
            for (layer, (weight, bias)) in network.layers.iter().enumerate() {
                for (what, tensor) in [("weight", weight), ("bias", bias)] {
                    let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
                    let values = values.map_err(|e| failed(&e))?;
                    let name = format!("{member}.{layer}.{what}");
                    parts.push((name, tensor.dims().to_vec(), bytes(&values)));
                }
            }
        }
        let views = parts.iter().map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        });
        let views: std::result::Result<Vec<_>, safetensors::SafeTensorError> = views.collect();
        safetensors::serialize(views.map_err(|e| failed(&e))?, None).map_err(|e| failed(&e))
    }

    /// Weights and number from [`Self::to_bytes`].
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> std::result::Result<(Self, f32), String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
        let read = |name: &str, shape: &[usize]| -> std::result::Result<Vec<f32>, String> {
            let tensor = file.tensor(name).map_err(|e| e.to_string())?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
                return Err(format!(
                    "`{name}` is {:?} of {:?}, expected {shape:?} of F32",
                    tensor.shape(),
                    tensor.dtype()
                ));
            }
            let values = tensor.data().as_chunks::<4>().0.iter();
            Ok(values.map(|value| f32::from_le_bytes(*value)).collect())
        };
        let numbers = read("number", &[2])?;
        let known = |size: &Size| size.side() as f32 == numbers[0];
        let size = Size::ALL.into_iter().find(known);
        let size = size.ok_or_else(|| format!("no digits are {} pixels wide", numbers[0]))?;
        let plan = Plan::new(size.side());
        let members = (0..MEMBERS).map(|member| {
            let layers = plan.widths().into_iter().enumerate().map(|(layer, (inner, outer))| {
                let name = |what: &str| format!("{member}.{layer}.{what}");
                let tensor = |what: &str, shape: &[usize]| {
                    let values = read(&name(what), shape)?;
                    Tensor::from_vec(values, shape, &Device::Cpu).map_err(|e| e.to_string())
                };
                Ok((tensor("weight", &[outer, inner])?, tensor("bias", &[outer])?))
            });
            Ok(Network { plan, layers: layers.collect::<std::result::Result<_, String>>()? })
        });
        let members = members.collect::<std::result::Result<_, String>>()?;
        Ok((Self { size, members }, numbers[1]))
    }
}

/// Ink per pixel, 0 to 1.
fn ink(digit: &Digit) -> impl Iterator<Item = f32> + '_ {
    digit.levels.iter().map(|&level| f32::from(level) / f32::from(LEVELS - 1))
}

/// One network: weights `[out, in]` and biases `[out]` of two convolutions without padding and two layers over all of the
/// picture.
#[derive(Debug)]
struct Network {
    plan: Plan,
    layers: Vec<(Tensor, Tensor)>,
}

/// Sides and windows of the convolutions for one size of picture.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Side of the picture, and behind each convolution.
    sides: [usize; 3],
    /// Steps of their windows.
    strides: [usize; 2],
}

/// Sides of the windows.
const WINDOWS: [usize; 2] = [4, 3];

impl Plan {
    fn new(side: usize) -> Self {
        let strides = [if side < 14 { 1 } else { 2 }, if side > 14 { 2 } else { 1 }];
        let behind = |side: usize, k: usize| (side - WINDOWS[k]) / strides[k] + 1;
        let first = behind(side, 0);
        Self { sides: [side, first, behind(first, 1)], strides }
    }

    /// For every place of a convolution's output the places of its input in the window, row by row.
    fn windows(&self, k: usize) -> impl Iterator<Item = usize> {
        let (from, to, stride, window) =
            (self.sides[k], self.sides[k + 1], self.strides[k], WINDOWS[k]);
        (0..to * to).flat_map(move |place| {
            let corner = place / to * stride * from + place % to * stride;
            (0..window * window).map(move |at| corner + at / window * from + at % window)
        })
    }

    /// Inputs and outputs of every layer.
    fn widths(&self) -> [(usize, usize); 4] {
        let [one, two] = CHANNELS;
        let flat = two * self.sides[2] * self.sides[2];
        [
            (WINDOWS[0] * WINDOWS[0], one),
            (one * WINDOWS[1] * WINDOWS[1], two),
            (flat, WIDTH),
            (WIDTH, CLASSES + 1),
        ]
    }
}

impl Network {
    fn train(
        (digits, classes): (&[Digit], &[u8]),
        (seed, member): (u64, u64),
        steps: usize,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(member + 1);
        let plan = Plan::new(digits[0].size.side());
        let mut parameters = Vec::new();
        for (layer, (inner, outer)) in plan.widths().into_iter().enumerate() {
            // He et al. 2015: the spread of the activations stays from layer to layer.
            let spread = (2.0 / inner as f32).sqrt();
            let draws = (0..inner * outer).map(|_| StandardNormal.sample(&mut rng));
            let weights: Vec<f32> = draws.map(|draw: f32| spread * draw).collect();
            let weights = Var::from_vec(weights, (outer, inner), &Device::Cpu)?;
            let biases = Var::from_vec(vec![0f32; outer], outer, &Device::Cpu)?;
            parameters.push((format!("{layer}.weight"), weights, true));
            parameters.push((format!("{layer}.bias"), biases, false));
        }
        let vars: Vec<Tensor> = parameters.iter().map(|(_, v, _)| v.as_tensor().clone()).collect();
        let constants = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.01 };
        let mut optimiser = AdamW::new(parameters, constants)?;
        let layers = vars.chunks_exact(2).map(|v| (v[0].clone(), v[1].clone())).collect();
        let network = Self { plan, layers };

        let area = plan.sides[0] * plan.sides[0];
        let part = (PART / (plan.windows(1).count() * CHANNELS[0])).max(1);
        let mut order: Vec<usize> = (0..digits.len()).collect();
        let (mut next, mut pixels) = (digits.len(), Vec::new());
        for step in 0..steps {
            if !go_on(step) {
                break;
            }
            pixels.clear();
            let mut targets = Vec::with_capacity(BATCH + NO_DIGITS);
            for _ in 0..BATCH {
                if next == digits.len() {
                    order.shuffle(&mut rng);
                    next = 0;
                }
                let digit = order[next];
                next += 1;
                targets.push(u32::from(classes[digit]));
                augment::digit(&digits[digit], &mut rng, &mut pixels);
            }
            targets.extend([NO_DIGIT; NO_DIGITS]);
            for _ in 0..NO_DIGITS {
                let digit = &digits[rng.random_range(0..digits.len())];
                augment::no_digit(digit, &mut rng, &mut pixels);
            }
            let count = targets.len() as f64;
            let mut gradients = Vec::new();
            for (pixels, targets) in pixels.chunks(part * area).zip(targets.chunks(part)) {
                let logits = network.logits(pixels)?;
                let loss = numeric::cross_entropy_sum(&logits, targets, u32::MAX, 0.0)?;
                gradients.push((loss / count)?.backward()?);
            }
            let progress = step as f64 / steps as f64;
            let warm = (10.0 * (progress + 1.0 / steps as f64)).min(1.0);
            let rate = RATE * warm * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
            optimiser.step(&gradients.iter().collect::<Vec<_>>(), rate, Some(1.0))?;
        }
        // The weights without the graph of gradients.
        let plain = |(w, b): &(Tensor, Tensor)| (w.detach(), b.detach());
        Ok(Self { plan, layers: network.layers.iter().map(plain).collect() })
    }

    /// Pixels of some pictures, one after the other; gives [b, classes + 1].
    fn logits(&self, pixels: &[f32]) -> Result<Tensor> {
        let area = |k: usize| self.plan.sides[k] * self.plan.sides[k];
        let pictures = pixels.chunks_exact(area(0));
        let b = pictures.len();
        let [one, two, three, four] = self.layers.as_slice() else {
            candle_core::bail!("a classifier of {} layers", self.layers.len());
        };
        let window: Vec<usize> = self.plan.windows(0).collect();
        let seen: Vec<f32> =
            pictures.flat_map(|picture| window.iter().map(|&at| picture[at])).collect();
        let x = Tensor::from_vec(seen, (b * area(1), WINDOWS[0] * WINDOWS[0]), &Device::Cpu)?;
        let h = numeric::linear_relu(&x, &one.0, Some(&one.1))?; // [b · places, channels]
        let window: Vec<u32> = self.plan.windows(1).map(|at| at as u32).collect();
        let start = |picture: usize| (picture * area(1)) as u32;
        let ids: Vec<u32> =
            (0..b).flat_map(|i| window.iter().map(move |at| start(i) + at)).collect();
        let ids = Tensor::from_vec(ids, b * window.len(), &Device::Cpu)?;
        let h = numeric::embedding(&h, &ids)?; // [b · places · window, channels]
        let h = h.reshape((b * area(2), ()))?;
        let h = numeric::linear_relu(&h, &two.0, Some(&two.1))?; // [b · places, channels]
        let h = h.reshape((b, ()))?;
        let h = numeric::linear_relu(&h, &three.0, Some(&three.1))?; // [b, width]
        numeric::linear(&h, &four.0, Some(&four.1)) // [b, classes + 1]
    }
}
