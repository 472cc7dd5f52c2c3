//! Everything that a scene shows, decoded once more: for scripts, and to see that a kept scene is the same again.

use std::ops::ControlFlow;

use super::{decode, EngineError, LatentModel, Scene, SceneError, Session};
use crate::latent::Latent;
use crate::report::{Document, Part, Rung};

/// A scene's ladder and the decode at its slider: what the explorer shows of it, in the same way.
///
/// # Errors
/// The model's; a scene whose ends, latent tokens or edits do not fit it.
pub fn replay(model: &dyn LatentModel, scene: &Scene) -> Result<(Vec<Rung>, Rung), EngineError> {
    // One by one, as the explorer encodes them.
    let (a, b) = (encoded(model, &scene.a)?, encoded(model, &scene.b)?);
    let geometry = model.info().geometry;
    let failed = |e: SceneError| EngineError::Model(e.to_string());
    let judged = |latents: &[Latent], places: &[f32]| -> Result<Vec<Rung>, EngineError> {
        let found = decode(model, latents, scene.decoding, &mut |_| ControlFlow::Continue(()))?;
        Ok(found.into_iter().zip(places).map(|(found, &place)| found.at(place)).collect())
    };
    let ladder = judged(&scene.ladder(&a, &b, geometry).map_err(failed)?, &scene.places())?;
    let here = [scene.ratio];
    let point = judged(&scene.latents(&a, &b, &here, geometry).map_err(failed)?, &here)?.pop();
    Ok((ladder, point.ok_or_else(|| EngineError::Model("it decoded nothing".to_owned()))?))
}

/// The cells of a scene's palette, row by row, decoded as the explorer does.
///
/// # Errors
/// As [`replay`].
pub fn replay_palette(model: &dyn LatentModel, scene: &Scene) -> Result<Vec<Rung>, EngineError> {
    let [a, b, c, d] = scene.corners().map(|text| encoded(model, text));
    let latents = scene
        .cells([&a?, &b?, &c?, &d?], model.info().geometry)
        .map_err(|e| EngineError::Model(e.to_string()))?;
    let found = decode(model, &latents, scene.decoding, &mut |_| ControlFlow::Continue(()))?;
    let columns = scene.palette.columns();
    Ok(found.into_iter().zip(columns).map(|(found, x)| found.at(x)).collect())
}

fn encoded(model: &dyn LatentModel, text: &str) -> Result<Latent, EngineError> {
    let latent = model.encode(&[text.to_owned()])?.pop();
    latent.ok_or_else(|| EngineError::Model("it encoded nothing".to_owned()))
}

/// All decodes of a session: those of its scene, then those of its bookmarks.
///
/// # Errors
/// As [`replay`].
pub fn replay_session(model: &dyn LatentModel, session: &Session) -> Result<Document, EngineError> {
    let info = model.info();
    let bookmarks = session.bookmarks.iter().enumerate().map(|(k, bookmark)| {
        let note =
            if bookmark.note.is_empty() { String::new() } else { format!(": {}", bookmark.note) };
        (format!("bookmark {}{note}", k + 1), &bookmark.scene)
    });
    let parts = std::iter::once(("scene".to_owned(), &session.scene))
        .chain(bookmarks)
        .map(|(title, scene)| {
            let (rungs, point) = replay(model, scene)?;
            Ok(Part {
                title,
                a: scene.a.clone(),
                b: scene.b.clone(),
                path: scene.path.to_string(),
                decoding: scene.decoding.name().to_owned(),
                rungs,
                point: Some(point),
            })
        })
        .collect::<Result<Vec<Part>, EngineError>>()?;
    Ok(Document { model: info.name, domain: info.domain, parts })
}
