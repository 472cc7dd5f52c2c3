//! Parameters by name: drawn from a seed, read from a checkpoint, written to one.

use super::Error;
use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// How a parameter starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Init {
    /// All equal.
    Constant(f64),
    /// Normal around zero with this deviation.
    Normal(f64),
    /// Uniform between these two.
    Uniform(f64, f64),
}

enum Source {
    Draw(u64),
    File(HashMap<String, Tensor>),
}

/// Where a model's layers take their parameters from; remembers each storage once.
pub(super) struct Store {
    source: Source,
    device: Device,
    vars: BTreeMap<String, Var>,
}

impl Store {
    /// Parameters drawn by their names and this seed, so that none depends on the others.
    pub(super) fn draw(seed: u64, device: &Device) -> Self {
        Self { source: Source::Draw(seed), device: device.clone(), vars: BTreeMap::new() }
    }

    /// Parameters of a checkpoint.
    pub(super) fn file(tensors: HashMap<String, Tensor>, device: &Device) -> Self {
        Self { source: Source::File(tensors), device: device.clone(), vars: BTreeMap::new() }
    }

    /// Where the parameters live.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// The parameter of this name and shape, float32.
    pub(super) fn get(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor, Error> {
        self.get_tied(&[name], shape, init)
    }

    /// One parameter that a checkpoint may hold under several names; the first is its own.
    pub(super) fn get_tied(
        &mut self,
        names: &[&str],
        shape: &[usize],
        init: Init,
    ) -> Result<Tensor, Error> {
        let name = names[0];
        let tensor = match &mut self.source {
            Source::Draw(seed) => {
                let count = shape.iter().product();
                Tensor::from_vec(sample(*seed, name, count, init), shape, &self.device)?
            }
            Source::File(tensors) => {
                let mut found = None;
                for name in names {
                    found = tensors.remove(*name).or(found);
                }
                let tensor = found.ok_or_else(|| Error::Missing(name.to_owned()))?;
                if tensor.dims() != shape {
                    return Err(Error::Shape {
                        name: name.to_owned(),
                        found: tensor.dims().to_vec(),
                        expected: shape.to_vec(),
                    });
                }
                tensor.to_dtype(DType::F32)?.to_device(&self.device)?.contiguous()?
            }
        };
        let var = Var::from_tensor(&tensor)?;
        let parameter = var.as_tensor().clone();
        self.vars.insert(name.to_owned(), var);
        Ok(parameter)
    }

    /// All parameters, and the checkpoint's tensors that nothing asked for.
    pub(super) fn finish(self) -> (BTreeMap<String, Var>, HashMap<String, Tensor>) {
        let rest = match self.source {
            Source::Draw(_) => HashMap::new(),
            Source::File(tensors) => tensors,
        };
        (self.vars, rest)
    }
}

/// A store seen from one module: names are prefixed.
pub(super) struct Scope<'a> {
    store: &'a mut Store,
    prefix: String,
}

impl<'a> Scope<'a> {
    pub(super) fn new(store: &'a mut Store, prefix: impl Into<String>) -> Self {
        Self { store, prefix: prefix.into() }
    }

    /// The parameter of this name below the prefix.
    pub(super) fn get(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor, Error> {
        self.store.get(&format!("{}.{name}", self.prefix), shape, init)
    }

    /// A linear map's weight [out, in] and bias, which starts at zero.
    pub(super) fn linear(
        &mut self,
        name: &str,
        shape: [usize; 2],
        init: Init,
    ) -> Result<(Tensor, Tensor), Error> {
        let weight = self.get(&format!("{name}.weight"), &shape, init)?;
        let bias = self.get(&format!("{name}.bias"), &shape[..1], Init::Constant(0.0))?;
        Ok((weight, bias))
    }

    /// A layer norm's weight and bias.
    pub(super) fn norm(&mut self, name: &str, width: usize) -> Result<(Tensor, Tensor), Error> {
        let weight = self.get(&format!("{name}.weight"), &[width], Init::Constant(1.0))?;
        let bias = self.get(&format!("{name}.bias"), &[width], Init::Constant(0.0))?;
        Ok((weight, bias))
    }
}

fn sample(seed: u64, name: &str, count: usize, init: Init) -> Vec<f32> {
    // FNV-1a: a stream per name, the same on every machine.
    let stream = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut draw = || match init {
        Init::Constant(value) => value,
        Init::Uniform(low, high) => low + (high - low) * rng.random::<f64>(),
        Init::Normal(std) => {
            let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
            std * radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
        }
    };
    (0..count).map(|_| draw() as f32).collect()
}

/// Reads the tensors of a checkpoint's folder: `model.safetensors`, else `pytorch_model.bin`.
pub(super) fn read(dir: &Path) -> Result<HashMap<String, Tensor>, Error> {
    let safetensors = dir.join("model.safetensors");
    if safetensors.exists() {
        let bytes = fs::read(&safetensors).map_err(|e| Error::io(&safetensors, e))?;
        return parse(&bytes).map_err(|e| Error::file(&safetensors, e));
    }
    let pickle = dir.join("pytorch_model.bin");
    if pickle.exists() {
        let tensors =
            candle_core::pickle::read_all(&pickle).map_err(|e| Error::file(&pickle, e))?;
        return Ok(tensors.into_iter().collect());
    }
    Err(Error::NoWeights(dir.to_owned()))
}

/// Reads the tensors of a safetensors file that is in memory.
pub(super) fn parse(bytes: &[u8]) -> candle_core::Result<HashMap<String, Tensor>> {
    candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
}

/// Writes tensors as a safetensors file, whole or not at all.
pub(super) fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), Error> {
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| Error::file(path, candle_core::Error::wrap(e)))?;
    write_atomically(path, &bytes)
}

/// Writes a file to a temporary name beside it, syncs it and renames it: at any moment the file is
/// the old one or the new one, whole.
///
/// # Errors
/// Where it cannot be written; the old one stays then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(|e| Error::io(path, e))?;
    // The rename itself is durable once the folder is synced; not every system allows that.
    if let Some(folder) = path.parent().and_then(|dir| File::open(dir).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Removes what a killed writer left in a folder: temporary files of [`write_atomically`].
pub fn remove_left_overs(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') && name.ends_with(".tmp") {
            // What cannot be removed does no harm.
            let _ = fs::remove_file(path);
        }
    }
}
