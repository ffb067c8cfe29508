// Package sentence embeds texts with a sentence-embedding model that the user has: a transformer exported to ONNX, run through GoMLX.
//
// A model is a folder as it is published: model.onnx (or onnx/model.onnx), the vocabulary vocab.txt of its WordPiece tokenizer and, if they
// are there, tokenizer_config.json (case, length) and 1_Pooling/config.json (mean or first token). Models with another tokenizer are refused.
//
// What may enter: what such a model needs to be run. What must not: downloads, training, other kinds of models.
package sentence
