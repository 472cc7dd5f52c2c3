//! Gradient checkpointing (Chen et al. 2016): a block whose intermediate results are not kept, but computed again for its
//! backward pass.
//!
//! candle's own operations have three operands at most, a block has dozens of parameters. So each operand is tied to the
//! block by a link: a chain of numbers without meaning leads through all of them to the block, and back along the chain
//! every link hands its operand the gradient that the block's backward pass has left for it.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, DType, Layout, MetalStorage, Result, Shape,
    Storage, Tensor, Var,
};

use super::kernel::Precision;
use super::slices::{precision, view, with_precision};

type Block = Box<dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync>;

/// `output`, which `block` has given for the detached `inputs`, as a node of the graph that holds no more than inputs and
/// parameters. Its backward pass calls `block` again, in the same precision; `block` has to give the same.
///
/// # Errors
/// A parameter that is computed from others: only variables and constants can be.
pub fn recomputed(
    output: &Tensor,
    inputs: &[&Tensor],
    parameters: &[Tensor],
    block: impl Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    if parameters.iter().any(|p| p.track_op() && !p.is_variable()) {
        candle_core::bail!("a parameter of a recomputed block is no variable");
    }
    let inputs: Vec<Tensor> = inputs.iter().map(|&x| x.clone()).collect();
    let mut slots = Vec::with_capacity(inputs.len() + parameters.len());
    let mut token = Tensor::zeros(1, DType::F32, output.device())?;
    for operand in inputs.iter().chain(parameters) {
        let slot = Slot::default();
        token = token.apply_op2(operand, Link(slot.clone()))?;
        slots.push(slot);
    }
    token.apply_op1(Recompute {
        output: Mutex::new(Some(output.detach().contiguous()?)),
        shape: output.shape().clone(),
        // Without their graph: the chain of links holds that.
        inputs: inputs.iter().map(Tensor::detach).collect(),
        parameters: parameters.to_vec(),
        slots,
        precision: precision(),
        block: Box::new(block),
    })
}

/// Where a block leaves an operand's gradient for its link.
#[derive(Clone, Default)]
struct Slot(Arc<Mutex<Option<Tensor>>>);

impl Slot {
    fn put(&self, gradient: Option<Tensor>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gradient;
    }

    fn take(&self) -> Option<Tensor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Ties an operand to the block at the end of the chain; the value is the chain's, and means nothing.
struct Link(Slot);

impl CustomOp2 for Link {
    fn name(&self) -> &'static str {
        "recompute-link"
    }

    fn cpu_fwd(
        &self,
        token: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((token.try_clone(layout)?, layout.shape().clone()))
    }

    fn cuda_fwd(
        &self,
        token: &CudaStorage,
        layout: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Ok((token.try_clone(layout)?, layout.shape().clone()))
    }

    fn metal_fwd(
        &self,
        token: &MetalStorage,
        layout: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        Ok((token.try_clone(layout)?, layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        operand: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = match self.0.take() {
            _ if !operand.track_op() => None,
            // candle asks for a gradient of everything that is computed.
            None if !operand.is_variable() => Some(operand.zeros_like()?),
            gradient => gradient,
        };
        Ok((Some(grad.clone()), gradient))
    }
}

struct Recompute {
    /// What the forward pass hands over.
    output: Mutex<Option<Tensor>>,
    shape: Shape,
    inputs: Vec<Tensor>,
    parameters: Vec<Tensor>,
    /// For the inputs, then the parameters.
    slots: Vec<Slot>,
    precision: Precision,
    block: Block,
}

impl Recompute {
    fn output(&self) -> Result<Tensor> {
        match self.output.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(output) => Ok(output),
            None => candle_core::bail!("a recomputed block hands its output over once"),
        }
    }
}

impl CustomOp1 for Recompute {
    fn name(&self) -> &'static str {
        "recompute"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let output = self.output()?;
        let (storage, layout) = output.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => {
                Ok((CpuStorage::F32(view(storage, layout)?.to_vec()), self.shape.clone()))
            }
            _ => candle_core::bail!("a recomputed block's output is on another device"),
        }
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        let output = self.output()?;
        let (storage, layout) = output.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => Ok((storage.try_clone(layout)?, self.shape.clone())),
            _ => candle_core::bail!("a recomputed block's output is on another device"),
        }
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        let output = self.output()?;
        let (storage, layout) = output.storage_and_layout();
        match &*storage {
            Storage::Metal(storage) => Ok((storage.try_clone(layout)?, self.shape.clone())),
            _ => candle_core::bail!("a recomputed block's output is on another device"),
        }
    }

    fn bwd(&self, token: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let leaves = self.inputs.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
        let inputs: Vec<Tensor> = leaves.iter().map(|leaf| leaf.as_tensor().clone()).collect();
        let mut grads = with_precision(self.precision, || {
            // The sum's gradient with respect to the output is the gradient that came in, to the bit.
            (self.block)(&inputs)?.mul(grad)?.sum_all()?.backward()
        })?;
        for (slot, operand) in self.slots.iter().zip(inputs.iter().chain(&self.parameters)) {
            // Detached: some of candle's gradients hold on to the graph they came from.
            slot.put(grads.remove(operand).map(|g| g.detach()));
        }
        Ok(Some(token.zeros_like()?))
    }
}
