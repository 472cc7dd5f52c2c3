#!/usr/bin/env python3
"""The same shapes and the same weights in PyTorch, alternating with `cargo bench`'s program in one run.

    python3 benches/against_pytorch.py [--python PYTHON] [--rounds N] [--json]

Makes an environment of its own under target/ with torch and transformers from the package index, unless --python names one
that has them. Checks that both sides give the same tokens and the same loss, then prints ratios of medians with quartiles.
Never needed to build or to test.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Tokens of 64 Python lines, ends not included: quantiles of what a line tokenizer gives.
LENGTHS = [3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 14,
           14, 14, 15, 15, 15, 16, 16, 16, 17, 17, 18, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 24, 25, 26, 27, 28, 29,
           30, 30, 31, 31]


def environment(python):
    """An interpreter that has torch and transformers."""
    if python:
        return python
    folder = ROOT / "target" / "against-pytorch"
    found = folder / "bin" / "python"
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([found, "-m", "pip", "install", "-q", "torch", "transformers", "safetensors", "numpy"], check=True)
    return str(found)


def program():
    """The benchmark program, built."""
    command = ["cargo", "bench", "--bench", "speed", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = [m["executable"] for m in map(json.loads, lines)
             if m.get("reason") == "compiler-artifact" and m["target"]["name"] == "speed" and m.get("executable")]
    return found[-1]


class Ours:
    def __init__(self, path):
        self.process = subprocess.Popen([path, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hello = json.loads(self.process.stdout.readline())

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def line(row, length):
    return [(row * 7919 + i * 131) % 4000 + 5 for i in range(length)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python", help="an interpreter that has torch and transformers")
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--inside", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if not given.inside:
        own = [environment(given.python), __file__, "--inside", program(), "--rounds", str(given.rounds)]
        sys.exit(subprocess.run(own + (["--json"] if given.json else [])).returncode)
    compare(given)


def compare(given):
    import torch
    import torch.nn.functional as F
    import transformers
    from safetensors.torch import load_file
    from transformers import FunnelConfig, T5Config, T5ForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput
    from transformers.models.funnel.modeling_funnel import FunnelEncoder
    from transformers.models.t5.modeling_t5 import T5Stack

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(os.cpu_count())
    ours = Ours(given.inside)
    weights = load_file(os.path.join(ours.hello["folder"], "model.safetensors"))

    class Model(torch.nn.Module):
        """The original's modules around transformers' Funnel and T5."""

        def __init__(self):
            super().__init__()
            sizes = dict(vocab_size=4096, d_model=256)
            funnel = FunnelConfig(**sizes, block_sizes=[2, 2, 2], n_head=4, d_head=64, d_inner=1024, hidden_dropout=0.0,
                                  attention_dropout=0.0, activation_dropout=0.0, separate_cls=True, truncate_seq=True,
                                  pool_q_only=True, attention_type="relative_shift", hidden_act="gelu_new",
                                  layer_norm_eps=1e-9)
            t5 = T5Config(**sizes, d_kv=64, d_ff=1024, num_layers=4, num_decoder_layers=4, num_heads=4, dropout_rate=0.0,
                          is_decoder=True, is_encoder_decoder=False, use_cache=False, decoder_start_token_id=0,
                          pad_token_id=1, eos_token_id=0, tie_word_embeddings=False)
            self.embedding = torch.nn.Embedding(4096, 256)
            self.encoder, self.decoder = FunnelEncoder(funnel), T5Stack(t5)
            self.to_latent, self.to_token = torch.nn.Linear(256, 64), torch.nn.Linear(64, 256)
            self.norm = torch.nn.LayerNorm(256, eps=1e-9)
            self.head = torch.nn.Linear(256, 4096, bias=False)

        def encode(self, ids, mask):
            states = self.encoder(self.embedding(ids), attention_mask=mask, token_type_ids=torch.zeros_like(ids))
            return torch.tanh(self.to_latent(states.last_hidden_state[:, :4]))

        def memory(self, z):
            return self.norm(self.to_token(z))

        def logits(self, hidden):
            return self.head(hidden * 256 ** -0.5)

        def loss(self, ids, mask, shifted, regularise):
            z = self.encode(ids, mask)
            hidden = self.decoder(inputs_embeds=self.embedding(shifted), encoder_hidden_states=self.memory(z),
                                  use_cache=False).last_hidden_state
            targets = ids.masked_fill(mask == 0, -100)
            ce = F.cross_entropy(self.logits(hidden).flatten(0, 1), targets.flatten())
            if not regularise:
                return ce, ce
            flat = z.reshape(-1, 64)
            prior = torch.randn_like(flat)

            def kernel(a, b):
                squares = a.pow(2).sum(1)[:, None] + b.pow(2).sum(1)[None] - 2 * a @ b.t()
                return torch.exp(-squares.clamp(min=0) / 64 ** 2).mean()
            mmd = kernel(prior, prior) + kernel(flat, flat) - 2 * kernel(prior, flat)
            return ce + mmd * 4 / len(ids), ce

    def load(model):
        own = {}
        for name, value in weights.items():
            for prefix, target in [("encoder.", "encoder."), ("decoder.", "decoder."),
                                   ("vae.encoder.token_to_latent.", "to_latent."),
                                   ("vae.decoder.latent_to_token.", "to_token."), ("vae.decoder.norm.", "norm."),
                                   ("lm_head.", "head."), ("shared_embedding.", "embedding.")]:
                if name.startswith(prefix):
                    own[target + name[len(prefix):]] = value
        missing, unexpected = model.load_state_dict(own, strict=False)
        missing = [m for m in missing if "embed_tokens" not in m]
        assert not missing and not [u for u in unexpected if "embed_tokens" not in u], (missing, unexpected)
        return model

    model = load(Model()).eval()

    class Tight:
        """A decoding loop with a cache that a careful person writes in PyTorch: weights laid out once, no modules."""

        def __init__(self, rows, steps):
            attention = lambda b, i: (b.layer[i].SelfAttention if i == 0 else b.layer[i].EncDecAttention)
            blocks = model.decoder.block
            turned = lambda *ws: torch.cat([w.weight for w in ws]).t().contiguous()
            self.steps = steps
            self.qkv = [turned(a.q, a.k, a.v) for a in (attention(b, 0) for b in blocks)]
            self.o = [turned(attention(b, 0).o) for b in blocks]
            self.cq = [turned(attention(b, 1).q) for b in blocks]
            self.ckv = [turned(attention(b, 1).k, attention(b, 1).v) for b in blocks]
            self.co = [turned(attention(b, 1).o) for b in blocks]
            self.wi = [turned(b.layer[2].DenseReluDense.wi) for b in blocks]
            self.wo = [turned(b.layer[2].DenseReluDense.wo) for b in blocks]
            self.norms = [[b.layer[i].layer_norm.weight for i in range(3)] for b in blocks]
            self.head = (model.head.weight.t() * 256 ** -0.5).contiguous()
            self.bias = attention(blocks[0], 0).compute_bias(steps, steps).contiguous()
            self.keys = torch.zeros(4, rows, 4, steps, 64)
            self.values = torch.zeros(4, rows, 4, steps, 64)
            if dtype[0] != torch.float32:
                for name, value in list(vars(self).items()):
                    if isinstance(value, list):
                        setattr(self, name, [[w.to(dtype[0]) for w in v] if isinstance(v, list) else v.to(dtype[0])
                                             for v in value])
                    elif torch.is_tensor(value):
                        setattr(self, name, value.to(dtype[0]))

        def __call__(self, z):
            memory = model.memory(z).to(dtype[0])
            rows = len(z)
            flat = memory.reshape(-1, 256)
            ck, cv = [], []
            for w in self.ckv:
                kv = torch.mm(flat, w).view(rows, -1, 2, 4, 64)
                ck.append(kv[:, :, 0].permute(0, 2, 3, 1).reshape(rows * 4, 64, -1).contiguous())
                cv.append(kv[:, :, 1].permute(0, 2, 1, 3).reshape(rows * 4, -1, 64).contiguous())
            rms = lambda x, w: F.rms_norm(x, (256,), w, 1e-6)
            embedding = model.embedding.weight.to(dtype[0])
            current, out = torch.zeros(rows, dtype=torch.long), []
            for t in range(self.steps):
                x = embedding[current]
                for l in range(4):
                    n = self.norms[l]
                    q, k, v = torch.mm(rms(x, n[0]), self.qkv[l]).view(rows, 3, 4, 64).unbind(1)
                    self.keys[l, :, :, t], self.values[l, :, :, t] = k, v
                    scores = torch.matmul(q.unsqueeze(2), self.keys[l, :, :, :t + 1].transpose(-1, -2))
                    scores = (scores + self.bias[:, :, t:t + 1, :t + 1]).softmax(-1)
                    x = torch.addmm(x, torch.matmul(scores, self.values[l, :, :, :t + 1]).view(rows, 256), self.o[l])
                    q = torch.mm(rms(x, n[1]), self.cq[l]).view(rows * 4, 1, 64)
                    x = torch.addmm(x, torch.bmm(torch.bmm(q, ck[l]).softmax(-1), cv[l]).view(rows, 256), self.co[l])
                    x = torch.addmm(x, torch.mm(rms(x, n[2]), self.wi[l]).relu_(), self.wo[l])
                current = torch.mm(rms(x, model.decoder.final_layer_norm.weight.to(dtype[0])), self.head)
                current[:, 1] = -float("inf")
                current = current.argmax(-1)
                out.append(current)
            return torch.stack(out, 1)

    dtype = [torch.float32]
    z = torch.tensor(ours.hello["latents"]).view(-1, 4, 64)
    steps = 32
    with torch.inference_mode():
        tight = Tight(len(z), steps)
        dtype[0] = torch.bfloat16
        tight_half = Tight(len(z), steps)
        dtype[0] = torch.float32
    whole = T5ForConditionalGeneration(T5Config(
        vocab_size=4096, d_model=256, d_kv=64, d_ff=1024, num_layers=4, num_decoder_layers=4, num_heads=4, dropout_rate=0.0,
        decoder_start_token_id=0, pad_token_id=1, eos_token_id=0, tie_word_embeddings=False)).eval()
    whole.decoder.load_state_dict(model.decoder.state_dict())
    # The library may tie these three; here they are three.
    whole.shared = torch.nn.Embedding.from_pretrained(model.embedding.weight.data)
    whole.decoder.embed_tokens = torch.nn.Embedding.from_pretrained(model.embedding.weight.data)
    whole.lm_head.weight = torch.nn.Parameter(model.head.weight.data * 256 ** -0.5)

    def generate():
        states = BaseModelOutput(last_hidden_state=model.memory(z))
        return whole.generate(encoder_outputs=states, attention_mask=torch.ones(len(z), 4, dtype=torch.long),
                              max_new_tokens=steps, min_new_tokens=steps, do_sample=False, num_beams=1,
                              suppress_tokens=[1])[:, 1:]

    with torch.inference_mode():
        theirs = tight(z).tolist()
        generated = generate().tolist()
    found = ours.ask(what="ladder", precision="f32")["tokens"]
    until_end = lambda row: row[:row.index(0)] if 0 in row else row
    share = lambda a, b: sum(x == y for r, s in zip(a, b) for x, y in zip(r, s)) / max(1, sum(len(r) for r in b))
    checks = {"tokens equal, tight loop": share(map(until_end, theirs), found),
              "tokens equal, generate": share(map(until_end, generated), found),
              "tokens of a ladder": sum(len(r) for r in found)}
    ids = torch.tensor([line(row, 31) + [0] for row in range(64)])
    mask = torch.ones_like(ids, dtype=torch.float)
    shifted = torch.cat([torch.zeros(64, 1, dtype=torch.long), ids[:, :-1]], 1)
    with torch.inference_mode():
        latents = model.encode(ids, mask).flatten(1)
        loss = model.loss(ids, mask, shifted, False)[1].item()
    encoded = torch.tensor(ours.ask(what="encode")["latents"])
    checks["latents, largest difference"] = (latents - encoded).abs().max().item()
    checks["loss, theirs"] = loss
    checks["loss, ours"] = ours.ask(what="train", precision="f32", lines="full")["loss"]

    def stepper(autocast, fused, batch):
        net = load(Model())
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.01, fused=fused)

        def step():
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                loss, _ = net.loss(*batch, True)
            loss.backward()
            optimiser.step()
        return step

    # Lines as they come, padded to the longest; a bucketed batch has lines of nearly one length, for both sides.
    real = [line(row, n) + [0] for row, n in enumerate(LENGTHS)]
    def padded(rows):
        longest = max(map(len, rows))
        ids = torch.tensor([r + [1] * (longest - len(r)) for r in rows])
        mask = torch.tensor([[1.0] * len(r) + [0.0] * (longest - len(r)) for r in rows])
        return ids, mask, torch.cat([torch.zeros(len(rows), 1, dtype=torch.long), ids[:, :-1]], 1)
    bucket = [line(row, n) + [0] for row, n in enumerate([13 + row % 4 for row in range(128)])]
    full = (ids, mask, shifted)
    train = lambda precision, lines, lengths=None: lambda: ours.ask(
        what="train", precision=precision, lines=lines, lengths=lengths)["ms"]

    def clock(task):
        def timed():
            start = time.perf_counter()
            task()
            return 1e3 * (time.perf_counter() - start)
        return timed

    def inference(task):
        def run():
            with torch.inference_mode():
                return task()
        return run

    def half():
        dtype[0] = torch.bfloat16
        tight_half(z)
        dtype[0] = torch.float32

    groups = [
        ("ladder of 11 × 32", [
            ("ours, f32", lambda: ours.ask(what="ladder", precision="f32")["ms"]),
            ("ours, bf16", lambda: ours.ask(what="ladder", precision="bf16")["ms"]),
            ("generate", clock(inference(generate))), ("tight loop", clock(inference(lambda: tight(z)))),
            ("tight loop, bf16", clock(inference(half)))]),
        ("train step, 64 × 32, f32", [
            ("ours, f32", train("f32", "full")), ("eager", clock(stepper(False, None, full))),
            ("eager, fused AdamW", clock(stepper(False, True, full)))]),
        ("train step, 64 × 32, best", [
            ("ours, bf16", train("bf16", "full")), ("autocast bf16, fused AdamW", clock(stepper(True, True, full)))]),
        ("train step, 64 lines of all lengths, best", [
            ("ours, bf16", train("bf16", "real", [len(r) - 1 for r in real])),
            ("ours, f32", train("f32", "real", [len(r) - 1 for r in real])),
            ("autocast bf16, fused AdamW", clock(stepper(True, True, padded(real))))]),
        ("train step, 128 lines of nearly one length, best", [
            ("ours, bf16", train("bf16", "bucket", [len(r) - 1 for r in bucket])),
            ("ours, f32", train("f32", "bucket", [len(r) - 1 for r in bucket])),
            ("autocast bf16, fused AdamW", clock(stepper(True, True, padded(bucket))))]),
    ]
    results = []
    for title, sides in groups:
        times = {name: [] for name, _ in sides}
        for round_ in range(given.rounds + 2):
            for name, task in sides:
                # The other side's threads go to sleep, and caches hold this side's numbers: as when a person slides.
                time.sleep(0.1)
                task()
                taken = task()
                if round_ >= 2:
                    times[name].append(taken)
        for mine in [n for n, _ in sides if n.startswith("ours")]:
            for other in [n for n, _ in sides if not n.startswith("ours")]:
                ratios = sorted(b / a for a, b in zip(times[mine], times[other]))
                quarter = len(ratios) // 4
                results.append({
                    "what": title, "ours": mine, "theirs": other,
                    "ours_ms": statistics.median(times[mine]), "theirs_ms": statistics.median(times[other]),
                    "ratio": statistics.median(times[other]) / statistics.median(times[mine]),
                    "lower": ratios[quarter], "upper": ratios[-1 - quarter]})
    start = """import sys, torch
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Stack
from transformers.models.funnel.modeling_funnel import FunnelEncoder
from safetensors.torch import load_file
load_file(sys.argv[1])"""
    cold = {"ours": [], "theirs": []}
    for _ in range(5):
        time.sleep(0.3)
        cold["ours"].append(clock(lambda: subprocess.run(
            [ours.hello["binary"], "interpolate", "--seed", "3"], check=True, stdout=subprocess.DEVNULL))())
        cold["theirs"].append(clock(lambda: subprocess.run(
            [sys.executable, "-c", start, os.path.join(ours.hello["folder"], "model.safetensors")], check=True))())
    results.append({"what": "start of the process: ours to a printed ladder, theirs to loaded weights", "ours": "ours",
                    "theirs": "imports and weights", "ours_ms": statistics.median(cold["ours"]),
                    "theirs_ms": statistics.median(cold["theirs"]),
                    "ratio": statistics.median(cold["theirs"]) / statistics.median(cold["ours"]),
                    "lower": min(cold["theirs"]) / max(cold["ours"]), "upper": max(cold["theirs"]) / min(cold["ours"])})
    ours.close()
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "threads": torch.get_num_threads()}
    if given.json:
        print(json.dumps({"versions": versions, "checks": checks, "results": results}))
        return
    print(f"torch {versions['torch']}, transformers {versions['transformers']}, {versions['threads']} threads\n")
    for name, value in checks.items():
        print(f"- {name}: {value:.6g}")
    print("\n| what | ours | theirs | ours, ms | theirs, ms | ratio | quartiles |\n|---|---|---|---|---|---|---|")
    for r in results:
        print(f"| {r['what']} | {r['ours']} | {r['theirs']} | {r['ours_ms']:.1f} | {r['theirs_ms']:.1f} | "
              f"{r['ratio']:.2f} | {r['lower']:.2f} – {r['upper']:.2f} |")


if __name__ == "__main__":
    main()
