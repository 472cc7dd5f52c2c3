//! Encoders that know where a pixel is.

use super::*;

/// Pictures of 5 × 5 cells behind one token, pooled in this way.
fn pictures(pooling: GridPooling, embeddings: bool) -> TransformerVae {
    let mut config =
        Config::sphere(SphereShape { max_len: 30, encoder_blocks: vec![1, 1, 1], ..shape() })
            .unwrap();
    let grid = GridConfig { side: 5, before: 1, pooling, embeddings };
    config.tvae.as_mut().unwrap().grid = Some(grid);
    model(config)
}

/// A picture of 5 × 5 cells, the token in front and the end; its cells' ids by row and column.
fn picture(cell: impl Fn(usize, usize) -> u32) -> Vec<u32> {
    let cells = (0..25).map(|at| cell(at / 5, at % 5));
    [3].into_iter().chain(cells).chain([0]).collect()
}

#[test]
fn cells_are_pooled_as_they_lie() {
    // Three queries, the token in front and the end stay: 5 × 5 become 3 × 3 and 2 × 2, or 5 × 3 and 5 × 2.
    for (pooling, left) in [(GridPooling::Square, 4), (GridPooling::Rows, 10)] {
        let model = pictures(pooling, true);
        let one = picture(|row, column| (4 + row * 5 + column) as u32);
        let (ids, mask) = batch(&[&one], one.len());
        let states = model.encoder_states(&ids, &mask, &Context::eval()).unwrap();
        assert_eq!(states.dims(), [1, 3 + 1 + left + 1, 32]);
        // A text that is cut short has no whole picture, and still is one that can be encoded, in company as well.
        let short = &one[..11];
        let (ids, mask) = batch(&[short, &one], one.len());
        let both = model.encode(&ids, &mask, &Context::eval()).unwrap();
        assert!(flat(&both).iter().all(|x| x.is_finite()));
        let (ids, mask) = batch(&[&one], one.len() + 3);
        let padded = model.encode(&ids, &mask, &Context::eval()).unwrap();
        assert!(apart(&padded.get(0).unwrap(), &both.get(1).unwrap()) < 1e-4);
    }
}

#[test]
fn rows_and_columns_are_told_apart_by_their_embeddings() {
    let model = pictures(GridPooling::Square, true);
    let plain = pictures(GridPooling::Square, false);
    let one = picture(|row, _| 4 + row as u32);
    let (ids, mask) = batch(&[&one], one.len());
    let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
    let embedding = model.grid.as_ref().unwrap().table().unwrap();
    assert_eq!(embedding.dims(), [26, 32]);
    // In front of the cells stands nothing; a cell has the sum of its row and its column.
    let at = |i: usize| embedding.get(i).unwrap();
    assert!(flat(&at(0)).iter().all(|&x| x == 0.0));
    let (a, b) = ((at(1) + at(7)).unwrap(), (at(2) + at(6)).unwrap());
    assert!(apart(&a, &b) < 1e-6, "cells (0, 0) and (1, 1), (0, 1) and (1, 0)");
    // With tables of zeros the model is the one that has none.
    let zeros = ["tvae.rows", "tvae.columns"]
        .map(|name| (name.to_owned(), Tensor::zeros((5, 32), DType::F32, &Device::Cpu).unwrap()));
    let off = apart(&z, &plain.encode(&ids, &mask, &Context::eval()).unwrap());
    model.set_parameters(&zeros).unwrap();
    let z = model.encode(&ids, &mask, &Context::eval()).unwrap();
    assert_eq!(apart(&z, &plain.encode(&ids, &mask, &Context::eval()).unwrap()), 0.0);
    assert!(off > 0.0);
    assert!(!TransformerVae::decays("tvae.rows"));
}
