//! A person's own directions on disk, beside the model that they belong to.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::pool::NamedDirection;
use super::{EngineError, ModelInfo};
use crate::model::write_atomically;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    directions: Vec<NamedDirection>,
}

/// Reads the directions of a model; none where there is no file.
///
/// # Errors
/// [`EngineError::Load`] where the file cannot be read, or holds directions of another model.
pub(super) fn read(file: &Path, info: &ModelInfo) -> Result<Vec<NamedDirection>, EngineError> {
    let wrong = |e: String| EngineError::Load(format!("{}: {e}", file.display()));
    let text = match std::fs::read_to_string(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| wrong(e.to_string()))?,
    };
    let Content { directions } = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    for NamedDirection { name, direction, .. } in &directions {
        let (tokens, size) = (direction.tokens(), direction.size());
        if (tokens, size) != (info.latent_tokens, info.latent_size) {
            return Err(wrong(format!(
                "the direction `{name}` is of {tokens}×{size} numbers, this model's latents are of {}×{}",
                info.latent_tokens, info.latent_size
            )));
        }
    }
    Ok(directions)
}

/// Writes a person's own directions, whole or not at all; the folder is made where it is missing.
///
/// # Errors
/// [`EngineError::Save`] where the file cannot be written; an old one stays then.
pub fn save_directions(file: &Path, directions: &[NamedDirection]) -> Result<(), EngineError> {
    let wrong = |e: &dyn std::fmt::Display| EngineError::Save(e.to_string());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|e| wrong(&format!("{}: {e}", folder.display())))?;
    }
    let content = Content { directions: directions.to_vec() };
    let mut text = serde_json::to_string(&content).map_err(|e| wrong(&e))?;
    text.push('\n');
    write_atomically(file, text.as_bytes()).map_err(|e| wrong(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pool::Source;
    use crate::latent::{Direction, Geometry};

    fn info(size: usize) -> ModelInfo {
        ModelInfo {
            name: "m".into(),
            domain: "text".into(),
            parameters: 1,
            latent_tokens: 1,
            latent_size: size,
            geometry: Geometry::Flat,
        }
    }

    #[test]
    fn what_is_saved_is_read_again_and_only_by_its_own_model() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("models").join("m.directions.json");
        assert_eq!(read(&file, &info(2)), Ok(Vec::new()));
        let direction = Direction::new(1, 2, &[0.6, 0.8], 0.5).unwrap();
        let name = "warmer\u{1b}".to_owned();
        let own = NamedDirection { name, source: Source::Own, with: 3, without: 2, direction };
        save_directions(&file, std::slice::from_ref(&own)).unwrap();
        save_directions(&file, &[own.clone(), own.clone()]).unwrap();
        assert_eq!(read(&file, &info(2)), Ok(vec![own.clone(), own]));
        let other = read(&file, &info(3)).unwrap_err().to_string();
        assert!(other.contains("1×2") && other.contains("1×3"), "{other}");
        std::fs::write(&file, "{").unwrap();
        assert!(read(&file, &info(2)).unwrap_err().to_string().contains("m.directions.json"));
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = save_directions(&file.join("directions.json"), &[]).unwrap_err();
        assert!(matches!(error, EngineError::Save(_)));
    }
}
