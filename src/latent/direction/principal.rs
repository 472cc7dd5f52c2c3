//! Principal components of a pool of latents.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::sources::mean;
use super::{common_shape, Direction, DirectionError, Geometry};
use crate::latent::Latent;

/// Side of the largest matrix whose eigenvectors are computed.
const LARGEST: usize = 512;
/// Share of the largest variance below which a component is rounding.
const ROUNDING: f64 = 1e-9;

/// The `count` directions of largest variance, largest first; fewer where the latents vary in fewer. Each points to where
/// its largest value is positive, and its deviation is the pool's along it.
///
/// Of latents with more than 512 values each, at most 512 evenly spread over the pool are looked at.
///
/// # Errors
/// Fewer than two latents, shapes that differ, latents that are not finite or all the same.
pub fn principal_components(
    pool: &[&Latent],
    count: usize,
    geometry: Geometry,
) -> Result<Vec<Direction>, DirectionError> {
    if pool.len() < 2 {
        return Err(DirectionError::TooFew { found: pool.len(), needed: 2 });
    }
    let (tokens, size) = common_shape(pool)?;
    let len = tokens * size;
    if len == 0 {
        return Err(DirectionError::Degenerate("the latents hold no values"));
    }
    let rows = if len > LARGEST { pool.len().min(LARGEST) } else { pool.len() };
    let mut charts: Vec<Vec<f64>> =
        (0..rows).map(|i| geometry.chart(&pool[i * pool.len() / rows].values)).collect();
    let mean = mean(&charts, len);
    for chart in &mut charts {
        chart.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
    }
    let centred = DMatrix::from_fn(rows, len, |i, j| charts[i][j]); // [rows, n·L]
    let found = top_eigenvectors(&centred, count);
    if found.is_empty() {
        return Err(DirectionError::Degenerate("the latents are all the same"));
    }
    found
        .iter()
        .map(|(variance, vector)| Direction::new(tokens, size, vector, variance.sqrt()))
        .collect()
}

/// The eigenvectors of XᵀX / rows of largest eigenvalue, with it; through XXᵀ where that is the smaller matrix.
fn top_eigenvectors(x: &DMatrix<f64>, count: usize) -> Vec<(f64, Vec<f64>)> {
    let rows = x.nrows().max(1) as f64;
    let wide = x.ncols() > x.nrows();
    let square = if wide { x * x.transpose() } else { x.tr_mul(x) };
    let eigen = SymmetricEigen::new(square / rows);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    let largest = order.first().map_or(0.0, |&i| eigen.eigenvalues[i]);
    order
        .into_iter()
        .take(count)
        .map(|i| (eigen.eigenvalues[i], eigen.eigenvectors.column(i).into_owned()))
        .take_while(|(variance, _)| *variance > ROUNDING * largest && variance.is_finite())
        .map(|(variance, vector)| {
            let vector = if wide { x.tr_mul(&vector) } else { vector };
            (variance, signed(&vector))
        })
        .collect()
}

/// The right singular vectors of a row-major matrix with this many columns, with their singular values, largest first.
///
/// Each points to where its largest value is positive. A matrix that is not finite has none.
#[must_use]
pub fn right_singular_vectors(matrix: &[f64], columns: usize) -> Vec<(f64, Vec<f64>)> {
    let Some(rows) = matrix.len().checked_div(columns) else { return Vec::new() };
    if matrix.iter().any(|x| !x.is_finite()) {
        return Vec::new();
    }
    let matrix = DMatrix::from_row_slice(rows, columns, &matrix[..rows * columns]);
    let eigen = SymmetricEigen::new(matrix.tr_mul(&matrix));
    let mut found: Vec<(f64, Vec<f64>)> = eigen
        .eigenvalues
        .iter()
        .enumerate()
        .map(|(i, value)| {
            (value.max(0.0).sqrt(), signed(&eigen.eigenvectors.column(i).into_owned()))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// A vector or its opposite, whichever has its largest value positive: an eigenvector has no sign of its own.
fn signed(vector: &DVector<f64>) -> Vec<f64> {
    let largest =
        vector.iter().fold(0.0, |most: f64, &x| if x.abs() > most.abs() { x } else { most });
    vector.iter().map(|x| if largest < 0.0 { -x } else { *x }).collect()
}
