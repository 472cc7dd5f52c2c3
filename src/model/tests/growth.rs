//! A model that begins with the weights of another.

use super::*;

fn decodes_through(decoder_layers: usize, seed: u64) -> TransformerVae {
    let config = Config::sphere(SphereShape { decoder_layers, ..shape() }).unwrap();
    TransformerVae::new(config, seed, &Device::Cpu).unwrap()
}

fn logits(model: &TransformerVae) -> Vec<f32> {
    let ctx = Context::eval();
    let (ids, mask) = batch(&ROWS, 8);
    let memory = model.memory(&model.encode(&ids, &mask, &ctx).unwrap()).unwrap();
    flat(&model.decode(&ids, &memory, None, &ctx).unwrap())
}

#[test]
fn a_deeper_model_decodes_the_same_until_it_is_trained() {
    let (shallow, deep) = (decodes_through(1, 1), decodes_through(3, 2));
    assert_ne!(logits(&deep), logits(&shallow));
    deep.start_from(&shallow).unwrap();
    assert_eq!(logits(&deep), logits(&shallow));
    let weight = |layer: usize, name: &str| {
        flat(deep.vars[&format!("decoder.block.{layer}.layer.{name}.weight")].as_tensor())
    };
    assert_eq!(weight(2, "0.SelfAttention.v"), weight(0, "0.SelfAttention.v"));
    assert!(weight(2, "2.DenseReluDense.wo").iter().all(|&x| x == 0.0));
    // What adds nothing still learns.
    let (ids, mask) = batch(&ROWS, 8);
    let memory = deep.memory(&deep.encode(&ids, &mask, &Context::eval()).unwrap()).unwrap();
    let logits = deep.decode(&ids, &memory, None, &Context::eval()).unwrap();
    let gradients = logits.sqr().unwrap().mean_all().unwrap().backward().unwrap();
    let output = &deep.vars["decoder.block.2.layer.2.DenseReluDense.wo.weight"];
    assert!(flat(gradients.get(output).unwrap()).iter().any(|&x| x != 0.0));
}

#[test]
fn a_model_is_not_made_shallower() {
    let error = decodes_through(1, 1).start_from(&decodes_through(2, 2)).unwrap_err();
    assert!(matches!(error, Error::Unknown(name) if name.starts_with("decoder.block.1.")));
}
