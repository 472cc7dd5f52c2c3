//! Feature vectors of items, dense or sparse, one row each.

/// Numbers that one step of a product handles side by side.
const LANES: usize = 8;

/// A row per item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    columns: usize,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// `rows × columns` numbers.
    Dense(Vec<f32>),
    /// Columns and numbers of what is not zero.
    Sparse(Vec<Vec<(usize, f32)>>),
}

impl Rows {
    /// Rows of equal length.
    pub(super) fn dense<'a>(columns: usize, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        Self { columns, values: Values::Dense(rows.flatten().copied().collect()) }
    }

    /// Rows of which only some columns are not zero.
    pub(super) fn sparse(columns: usize, rows: Vec<Vec<(usize, f32)>>) -> Self {
        Self { columns, values: Values::Sparse(rows) }
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The inner product of a row with as many weights as there are columns.
    pub(super) fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        match &self.values {
            Values::Dense(values) => dense_dot(self.of(values, row), weights),
            Values::Sparse(rows) => {
                rows[row].iter().map(|&(column, value)| f64::from(value) * weights[column]).sum()
            }
        }
    }

    /// Adds a multiple of a row to weights.
    pub(super) fn add_to(&self, row: usize, times: f64, weights: &mut [f64]) {
        match &self.values {
            Values::Dense(values) => {
                for (weight, &value) in weights.iter_mut().zip(self.of(values, row)) {
                    *weight += times * f64::from(value);
                }
            }
            Values::Sparse(rows) => {
                for &(column, value) in &rows[row] {
                    weights[column] += times * f64::from(value);
                }
            }
        }
    }

    /// A row's squared length.
    pub(super) fn square(&self, row: usize) -> f64 {
        let square = |value: f32| f64::from(value) * f64::from(value);
        match &self.values {
            Values::Dense(values) => self.of(values, row).iter().map(|&v| square(v)).sum(),
            Values::Sparse(rows) => rows[row].iter().map(|&(_, v)| square(v)).sum(),
        }
    }

    /// Dense rows brought to a standard; sparse rows stay as they are.
    pub(super) fn standardised(mut self, standard: &Standard) -> Self {
        if let Values::Dense(values) = &mut self.values {
            values.chunks_exact_mut(self.columns.max(1)).for_each(|row| standard.apply(row));
        }
        self
    }

    fn of<'a>(&self, values: &'a [f32], row: usize) -> &'a [f32] {
        &values[row * self.columns..][..self.columns]
    }
}

/// What brings columns to mean 0 and deviation 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standard {
    /// For each column its mean and what it is divided by.
    columns: Vec<(f64, f64)>,
}

impl Standard {
    /// That of some rows; a column that does not vary there is only centred.
    pub(super) fn of<'a>(columns: usize, rows: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let mean = |at: usize, of: &dyn Fn(f64) -> f64| {
            let values = rows.clone().map(|row| of(f64::from(row[at])));
            values.clone().sum::<f64>() / values.count().max(1) as f64
        };
        let column = |at| {
            let centre = mean(at, &|x| x);
            let deviation = mean(at, &|x| (x - centre) * (x - centre)).sqrt();
            // What rounding leaves of a constant is no variation.
            let varies = deviation > 1e-7 * centre.abs();
            (centre, if varies { deviation } else { 1.0 })
        };
        Self { columns: (0..columns).map(column).collect() }
    }

    /// Brings a row to the standard.
    pub(super) fn apply(&self, row: &mut [f32]) {
        for (value, (mean, scale)) in row.iter_mut().zip(&self.columns) {
            *value = ((f64::from(*value) - mean) / scale) as f32;
        }
    }
}

/// An inner product whose additions are in lanes, so that the compiler can do them side by side.
fn dense_dot(row: &[f32], weights: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (left, right) = (row.chunks_exact(LANES), weights.chunks_exact(LANES));
    let tail: f64 =
        left.remainder().iter().zip(right.remainder()).map(|(&x, w)| f64::from(x) * w).sum();
    for (x, w) in left.zip(right) {
        for lane in 0..LANES {
            lanes[lane] += f64::from(x[lane]) * w[lane];
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
impl Rows {
    /// A row with its zeros.
    pub(super) fn row(&self, row: usize) -> Vec<f64> {
        let mut whole = vec![0.0; self.columns];
        self.add_to(row, 1.0, &mut whole);
        whole
    }
}
