"""Writes tiny/ (a sentence model of random weights, in the form such models are exported in) and golden.json: what the reference
implementations make of some texts - the word pieces of the Hugging Face tokenizers library, the vectors of ONNX Runtime.

Run in this folder with onnx, onnxruntime, tokenizers and numpy."""
import json
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh
import onnxruntime
from tokenizers import BertWordPieceTokenizer

rng = np.random.default_rng(1)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list("abcdefghijklmnopqrstuvwxyz0123456789.,-!?()'") + \
    ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789"] + \
    ["spik", "##ing", "neuron", "##s", "the", "of", "brain", "seizure", "forecast", "##ed", "un", "##able", "eeg", "神", "経", "lod", "na", "##ive"]
open("tiny/vocab.txt", "w").write("\n".join(words) + "\n")
V, P, D, H = len(words), 24, 16, 2
init, nodes = [], []


def weight(name, a):
    init.append(nh.from_array(np.asarray(a), name))
    return name


def node(op, inputs, out, **kw):
    nodes.append(h.make_node(op, inputs, [out], **kw))
    return out


def normal(name, *shape):
    return weight(name, (rng.standard_normal(shape) * 0.4).astype(np.float32))


def ints(name, *v):
    return weight(name, np.array(v, np.int64))


word, pos, typ = normal("embeddings.word_embeddings.weight", V, D), normal("embeddings.position_embeddings.weight", P, D), normal("embeddings.token_type_embeddings.weight", 2, D)
# The positions are cut to the length of the input, as PyTorch's exporter writes it.
positions = weight("position_ids", np.arange(P, dtype=np.int64)[None])
shape = node("Shape", ["input_ids"], "shape")
one, zero = weight("one", np.array(1, np.int64)), ints("zero1", 0)
length = node("Unsqueeze", [node("Gather", [shape, one], "length0", axis=0), zero], "length")
cut = node("Slice", [positions, zero, length, ints("axis1", 1), ints("step1", 1)], "positions")
x = node("Add", [node("Add", [node("Gather", [word, "input_ids"], "w"), node("Gather", [typ, "token_type_ids"], "t")], "wt"), node("Gather", [pos, cut], "p")], "x0")
x = node("LayerNormalization", [x, normal("g0", D), normal("b0", D)], "x1", axis=-1, epsilon=1e-12)
mask = node("Unsqueeze", ["attention_mask", ints("axes12", 1, 2)], "mask4")
mask = node("Cast", [mask], "maskf", to=T.FLOAT)
mask = node("Mul", [node("Sub", [weight("onef", np.array(1, np.float32)), mask], "inverse"), weight("least", np.array(-1e9, np.float32))], "mask")
batch = node("Unsqueeze", [node("Gather", [shape, weight("zero", np.array(0, np.int64))], "batch0", axis=0), zero], "batch")
split = node("Concat", [batch, length, ints("heads", H), ints("size", D // H)], "split", axis=0)


def heads(name, perm):
    y = node("Add", [node("MatMul", [x, normal(name + ".w", D, D)], name + "m"), normal(name + ".b", D)], name)
    return node("Transpose", [node("Reshape", [y, split], name + "r")], name + "h", perm=perm)


q, k, v = heads("q", [0, 2, 1, 3]), heads("k", [0, 2, 3, 1]), heads("v", [0, 2, 1, 3])
a = node("Div", [node("MatMul", [q, k], "qk"), weight("root", np.array(np.sqrt(D // H), np.float32))], "scaled")
a = node("Softmax", [node("Add", [a, mask], "masked")], "attention", axis=-1)
o = node("Transpose", [node("MatMul", [a, v], "av")], "avt", perm=[0, 2, 1, 3])
o = node("Reshape", [o, node("Concat", [batch, length, ints("width", D)], "join", axis=0)], "context")
x = node("LayerNormalization", [node("Add", [node("MatMul", [o, normal("o.w", D, D)], "om"), x], "res1"), normal("g1", D), normal("b1", D)], "x2", axis=-1, epsilon=1e-12)
f = node("MatMul", [x, normal("f.w", D, 2 * D)], "f")
e = node("Erf", [node("Div", [f, weight("root2", np.array(np.sqrt(2), np.float32))], "fd")], "erf")
f = node("Mul", [node("Mul", [f, node("Add", [e, "onef"], "erf1")], "gelu0"), weight("halff", np.array(0.5, np.float32))], "gelu")
x = node("LayerNormalization", [node("Add", [node("MatMul", [f, normal("f2.w", 2 * D, D)], "f2"), x], "res2"), normal("g2", D), normal("b2", D)], "last_hidden_state", axis=-1, epsilon=1e-12)
inputs = [h.make_tensor_value_info(n, T.INT64, ["batch", "sequence"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
model = h.make_model(h.make_graph(nodes, "tiny", inputs, [h.make_tensor_value_info("last_hidden_state", T.FLOAT, ["batch", "sequence", D])], init),
                     opset_imports=[h.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "tiny/model.onnx")

texts = ["Spiking neurons of the brain", "The EEG forecasted seizures!", "un-able (naïve), Łódź?", "神経 brain's", "", "zzz\u00e9\u0301 \u2603 spiking",
         "the brain of the brain of the brain of the brain of the brain of the brain of the brain", "neurons\u200b\t\u0007brain x" + "y" * 120]
tok = BertWordPieceTokenizer("tiny/vocab.txt", lowercase=True)
session = onnxruntime.InferenceSession("tiny/model.onnx")
out = []
for t in texts:
    enc = tok.encode(t)
    ids = enc.ids if len(enc.ids) <= P else enc.ids[:P - 1] + [3]
    feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64), "token_type_ids": np.zeros((1, len(ids)), np.int64)}
    y = session.run(None, feed)[0][0].mean(0)
    out.append({"text": t, "ids": ids, "vector": [round(float(v), 6) for v in y / np.linalg.norm(y)]})
json.dump(out, open("golden.json", "w"), ensure_ascii=False, indent=0)
