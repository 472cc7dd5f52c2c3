//! Scores of queries at every relative position, for all heads at once (Dai et al. 2020, A.2).

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::linear;
use super::slices::{columns_of, fused, product, rows_of, view, with, Matrix, Target};

/// Per head `q · rowsᵀ + constant`: `q` `[b, s, h · d]`, `rows` `[positions, h · d]`, `constant` `[h, positions]`; gives
/// `[b, h, s, positions]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn relative_scores(q: &Tensor, rows: &Tensor, constant: &Tensor) -> Result<Tensor> {
    let ((b, s, width), (positions, row_width), (heads, entries)) =
        (q.dims3()?, rows.dims2()?, constant.dims2()?);
    if width != row_width || entries != positions || heads == 0 || width % heads != 0 {
        candle_core::bail!(
            "relative scores of {:?} at {:?} with {:?}",
            q.shape(),
            rows.shape(),
            constant.shape()
        );
    }
    if fused(&[q, rows, constant]) {
        let op = Scores { b, s, heads, d: width / heads, positions };
        return q.contiguous()?.apply_op3(&rows.contiguous()?, &constant.contiguous()?, op);
    }
    let d = width / heads;
    let heads = (0..heads)
        .map(|head| {
            let q = q.narrow(2, head * d, d)?.contiguous()?;
            let rows = rows.narrow(1, head * d, d)?.contiguous()?;
            linear(&q, &rows, Some(&constant.get(head)?))
        })
        .collect::<Result<Vec<_>>>()?;
    Tensor::stack(&heads, 1)
}

struct Scores {
    b: usize,
    s: usize,
    heads: usize,
    d: usize,
    positions: usize,
}

impl Scores {
    /// One head's columns of rows of all heads, from row `first`.
    fn head<'a>(&self, data: &'a [f32], first: usize, head: usize) -> Matrix<'a> {
        let width = self.heads * self.d;
        Matrix { data, start: first * width + head * self.d, row: width, column: 1 }
    }

    fn block(&self, b: usize, head: usize) -> std::ops::Range<usize> {
        let size = self.s * self.positions;
        let at = (b * self.heads + head) * size;
        at..at + size
    }
}

fn transposed(x: Matrix<'_>) -> Matrix<'_> {
    Matrix { row: x.column, column: x.row, ..x }
}

impl CustomOp3 for Scores {
    fn name(&self) -> &'static str {
        "relative-scores"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        ql: &Layout,
        rows: &CpuStorage,
        rl: &Layout,
        constant: &CpuStorage,
        cl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, rows, constant) = (view(q, ql)?, view(rows, rl)?, view(constant, cl)?);
        let (s, n) = (self.s, self.positions);
        let mut out = Vec::with_capacity(self.b * self.heads * s * n);
        for _ in 0..self.b {
            for head in constant.chunks_exact(n) {
                (0..s).for_each(|_| out.extend_from_slice(head));
            }
        }
        for b in 0..self.b {
            for head in 0..self.heads {
                let target = Target { data: &mut out[self.block(b, head)], start: 0, row: n };
                let right = transposed(self.head(rows, 0, head));
                product((s, n, self.d), 1.0, self.head(q, b * s, head), right, target, true);
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((self.b, self.heads, s, n))))
    }

    fn bwd(
        &self,
        q: &Tensor,
        rows: &Tensor,
        constant: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (s, n, d, width) = (self.s, self.positions, self.d, self.heads * self.d);
        let mut dq = vec![0f32; self.b * s * width];
        let mut d_rows = vec![0f32; n * width];
        let mut d_constant = vec![0f32; self.heads * n];
        with(q, |q| {
            with(rows, |rows| {
                with(grad, |grad| {
                    for b in 0..self.b {
                        for head in 0..self.heads {
                            let g = &grad[self.block(b, head)];
                            let start = b * s * width + head * d;
                            let target = Target { data: &mut dq, start, row: width };
                            let right = self.head(rows, 0, head);
                            product((s, d, n), 1.0, rows_of(g, n), right, target, false);
                            let target = Target { data: &mut d_rows, start: head * d, row: width };
                            let right = self.head(q, b * s, head);
                            product((n, d, s), 1.0, columns_of(g, n), right, target, true);
                            let sums = &mut d_constant[head * n..(head + 1) * n];
                            for row in g.chunks_exact(n) {
                                sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
                            }
                        }
                    }
                    Ok(())
                })
            })
        })?;
        let device = q.device();
        Ok((
            Some(Tensor::from_vec(dq, q.shape(), device)?),
            Some(Tensor::from_vec(d_rows, rows.shape(), device)?),
            Some(Tensor::from_vec(d_constant, constant.shape(), device)?),
        ))
    }
}
