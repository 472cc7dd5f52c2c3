//! The original implementation's argument files by name, as options that are put over a preset.
//!
//! The original is run with several of them, `run_experiment.py syntax tenth_5_tkn batch_large`, each replacing what those
//! before it set; `--preset syntax,tenth_5_tkn,batch_large` is the same here.

/// An argument file of the original.
#[derive(Debug, PartialEq, Eq)]
pub struct ArgumentSet {
    /// Its name there.
    pub name: &'static str,
    /// What it is for, and what of it is ours.
    pub about: &'static str,
    /// The options that it sets, as TOML.
    pub options: &'static str,
}

/// Shortens the table below.
const fn set(name: &'static str, about: &'static str, options: &'static str) -> ArgumentSet {
    ArgumentSet { name, about, options }
}

/// All of them. Data are not part of a configuration: `--data` names them, from the hub for instance.
pub const ARGUMENT_SETS: &[ArgumentSet] = &[
    set("syntax", "Python lines (hf:Fraser/python-lines)", "domain = 'python'"),
    set(
        "semantics",
        "news headlines (hf:Fraser/news-category-dataset:headline)",
        "domain = 'headlines'",
    ),
    set("AGNews", "news headlines (hf:fancyzhx/ag_news)", "domain = 'headlines'"),
    set(
        "mnist_base",
        "digits of 28 × 28; 840 tokens with the original's tokenizer, 786 with ours",
        "domain = 'mnist'\nmax_len = 788",
    ),
    set(
        "mnist_small",
        "digits of 14 × 14; 237 tokens with the original's tokenizer, 198 with ours",
        "domain = 'mnist'\nmax_len = 200",
    ),
    set(
        "mnist_tiny",
        "digits of 9 × 9; 99 tokens with the original's tokenizer, 83 with ours",
        "domain = 'mnist'\nmax_len = 85",
    ),
    set("5Seq", "sequences of 5 tokens", "max_len = 5"),
    set("30Seq", "sequences of 30 tokens", "max_len = 30"),
    set("60Seq", "sequences of 60 tokens", "max_len = 60"),
    set("funnel_tiny", "one encoder layer per block", "encoder_blocks = [1, 1, 1]"),
    set("funnel_small", "two encoder layers per block", "encoder_blocks = [2, 2, 2]"),
    set("funnel_medium", "three encoder layers per block", "encoder_blocks = [3, 3, 3]"),
    set(
        "16th_5_tkn",
        "five latent tokens of a sixteenth of the original's width, 768",
        "latent_tokens = 5\nlatent_size = 48",
    ),
    set("tenth_5_tkn", "of a tenth of it", "latent_tokens = 5\nlatent_size = 77"),
    set("eigth_5_tkn", "of an eighth of it", "latent_tokens = 5\nlatent_size = 96"),
    set("qrtr_5_tkn", "of a quarter of it", "latent_tokens = 5\nlatent_size = 192"),
    set("cmp_5_tkn", "of all of it", "latent_tokens = 5\nlatent_size = 768"),
    set("batch_small", "batches of 10", "batch = 10"),
    set("batch_medium", "batches of 30", "batch = 30"),
    set("batch_large", "batches of 70", "batch = 70"),
    set("grad_accumulation_small", "steps of 2 batches", "accumulate = 2"),
    set("grad_accumulation_medium", "steps of 15 batches", "accumulate = 15"),
    set("adafactor", "Adafactor at the given rate", "[optimiser]\nkind = 'adafactor'"),
    set("no_reg", "no regulariser", "regulariser = 'none'\nreg_weight = 0.0"),
    set(
        "critic",
        "a critic with the head first_token; its layers and its start are ours",
        "[critic]\nweight = 1.0\nshare = 1.0\nhead = 'first_token'",
    ),
    set(
        "critic_mean",
        "a critic with the head mean; its layers and its start are ours",
        "[critic]\nweight = 1.0\nshare = 1.0\nhead = 'mean'",
    ),
    set(
        "cycle_loss",
        "the cycle through decoder and encoder; its start is ours",
        "[cycle]\nkind = 'states'\nweight = 1.0\nshare = 1.0",
    ),
    set(
        "cycle_loss_vae",
        "the cycle between latents and tokens; its start is ours",
        "[cycle]\nkind = 'vae'\nweight = 1.0\nshare = 1.0",
    ),
    set(
        "smooth_logits",
        "smooth logits; what is measured, after the paper, and its start are ours",
        "[smoothness]\nweight = 1.0\nshare = 1.0",
    ),
    set(
        "grad_check_pnt",
        "the encoder and every third decoder layer computed again in the backward pass",
        "[checkpoint]\nencoder = true\nevery = 3",
    ),
    set(
        "grad_check_pnt_enc",
        "the encoder computed again in the backward pass",
        "[checkpoint]\nencoder = true",
    ),
    set(
        "window60",
        "decoder attention within windows of 60; that layers alternate is the blog's, the original's do not",
        "[attention]\nkind = 'blocks'\nwindow = 60",
    ),
    set("window120", "of 120", "[attention]\nkind = 'blocks'\nwindow = 120"),
    set("window200", "of 200", "[attention]\nkind = 'blocks'\nwindow = 200"),
    set("eval", "an evaluation every 500 steps", "eval_steps = 500"),
];
