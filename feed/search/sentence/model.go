package sentence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/onnx-gomlx/onnx"

	"github.com/gyrus-dev/gyrus/compute"
)

// Model embeds texts. It is a search.Embedder, and may be used by several goroutines; they take turns.
type Model struct {
	path   string
	name   string
	words  *wordPiece
	length int // pieces of a text, at most
	dim    int
	first  bool // the vector is that of the first piece, not the mean
	model  *onnx.Model
	output string
	pooled bool // the output has one vector for each text
	inputs []string
	exec   *mlctx.Exec
	turn   chan struct{}
	on     backends.Backend
}

// Bounds of a model.
const (
	maxModel  = 4 << 30 // bytes
	maxLength = 512     // pieces
	maxConfig = 1 << 20 // bytes
)

// lengthStep is what lengths are rounded up to, so that few graphs have to be compiled.
const lengthStep = 32

// Open reads the model in a folder, compiles it for the built-in backend and tries it out. An error says what does not fit.
func Open(folder string) (*Model, error) {
	m := &Model{length: 256, turn: make(chan struct{}, 1)}
	var tokenizer struct {
		Lower  *bool    `json:"do_lower_case"`
		Length *float64 `json:"model_max_length"`
		Class  string   `json:"tokenizer_class"`
	}
	if err := readConfig(filepath.Join(folder, "tokenizer_config.json"), &tokenizer); err != nil {
		return nil, err
	}
	if c := tokenizer.Class; c != "" && !strings.HasPrefix(c, "Bert") && !strings.HasPrefix(c, "DistilBert") && !strings.HasPrefix(c, "MPNet") && !strings.HasPrefix(c, "Electra") {
		return nil, fmt.Errorf("the model in %s is for the tokenizer %.40s, which is not WordPiece; choose a model of the BERT family", folder, c)
	}
	if n := tokenizer.Length; n != nil && *n >= 8 {
		m.length = int(min(*n, maxLength))
	}
	var limit struct {
		Length int `json:"max_seq_length"`
	}
	if err := readConfig(filepath.Join(folder, "sentence_bert_config.json"), &limit); err != nil {
		return nil, err
	}
	if limit.Length >= 8 {
		m.length = min(limit.Length, maxLength)
	}
	var pooling struct {
		First bool `json:"pooling_mode_cls_token"`
		Mean  bool `json:"pooling_mode_mean_tokens"`
		Max   bool `json:"pooling_mode_max_tokens"`
	}
	if err := readConfig(filepath.Join(folder, "1_Pooling", "config.json"), &pooling); err != nil {
		return nil, err
	}
	if pooling.Max {
		return nil, fmt.Errorf("the model in %s pools by the maximum; only the mean and the first token are known", folder)
	}
	m.first = pooling.First && !pooling.Mean

	var err error
	if m.words, err = readVocabulary(filepath.Join(folder, "vocab.txt"), tokenizer.Lower == nil || *tokenizer.Lower); err != nil {
		return nil, err
	}
	for _, name := range []string{"model.onnx", filepath.Join("onnx", "model.onnx")} {
		m.path = filepath.Join(folder, name)
		var info fs.FileInfo
		if info, err = os.Stat(m.path); err == nil {
			if !info.Mode().IsRegular() || info.Size() > maxModel {
				return nil, fmt.Errorf("%s is no file of at most %d bytes", m.path, int64(maxModel))
			}
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w; the folder must hold model.onnx or onnx/model.onnx", err)
	}
	data, err := os.ReadFile(m.path)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	vocabulary, err := os.ReadFile(filepath.Join(folder, "vocab.txt"))
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	digest.Write(data)
	digest.Write(vocabulary)
	fmt.Fprint(digest, m.length, m.first, m.words.lower)
	m.name = fmt.Sprintf("%s %x", filepath.Base(folder), digest.Sum(nil)[:8])
	if err := m.guard(func() error { return m.compile(data) }); err != nil {
		return nil, err
	}
	v, err := m.Embed(context.Background(), []string{"a trial"})
	if err != nil {
		return nil, err
	}
	m.dim = len(v[0])
	return m, nil
}

func readConfig(path string, to any) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return fmt.Errorf("%s is no file of at most %d bytes", path, maxConfig)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// guard runs f; whatever goes wrong in it, panics of the importer over a model that is not what it expects included, becomes an error.
func (m *Model) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the model %s cannot be run: %v", m.path, p)
		}
	}()
	if err := f(); err != nil {
		return fmt.Errorf("the model %s cannot be run: %w", m.path, err)
	}
	return nil
}

func (m *Model) compile(data []byte) error {
	var err error
	if m.model, err = onnx.Parse(data); err != nil {
		return fmt.Errorf("it is no ONNX file that can be read: %w", err)
	}
	m.inputs, _ = m.model.Inputs()
	for _, name := range m.inputs {
		if !slices.Contains([]string{"input_ids", "attention_mask", "token_type_ids"}, name) {
			return fmt.Errorf("it has an input %q; a sentence model has input_ids, attention_mask and perhaps token_type_ids", name)
		}
	}
	if !slices.Contains(m.inputs, "input_ids") {
		return errors.New("it has no input input_ids, which a sentence model has")
	}
	if err := m.chooseOutput(); err != nil {
		return err
	}
	// The tables of words and of positions say what the vocabulary and the texts may be.
	size := map[string]int64{}
	for _, t := range m.model.Proto.Graph.Initializer {
		if len(t.Dims) == 2 {
			size[t.Name] = t.Dims[0]
		}
		if strings.Contains(t.Name, "position_embeddings") && len(t.Dims) == 2 && t.Dims[0] > 1 {
			m.length = min(m.length, int(t.Dims[0]))
		}
	}
	for _, n := range m.model.Proto.Graph.Node {
		if n.OpType == "Gather" && len(n.Input) == 2 && n.Input[1] == "input_ids" {
			if have, known := size[n.Input[0]]; known && have < int64(m.words.size) {
				return fmt.Errorf("it has vectors for %d word pieces, but vocab.txt has %d: they do not belong together", have, m.words.size)
			}
		}
	}
	if m.on, err = compute.Open(""); err != nil {
		return err
	}
	vars := mlctx.New()
	if len(m.model.Proto.Graph.Initializer) > 0 {
		if err := m.model.VariablesToContext(vars); err != nil {
			return err
		}
	}
	m.exec, err = mlctx.NewExec(m.on, vars.Reuse(), func(ctx *mlctx.Context, in []*graph.Node) []*graph.Node {
		named := map[string]*graph.Node{}
		for i, name := range m.inputs {
			named[name] = in[i]
		}
		return m.model.CallGraph(ctx, in[0].Graph(), named, m.output)
	})
	if err != nil {
		return err
	}
	m.exec.SetMaxCache(64)
	return nil
}

// chooseOutput takes the output that is one vector for each text if there is one, else the one that is a vector for each piece.
func (m *Model) chooseOutput() error {
	names, shapes := m.model.Outputs()
	for i, name := range names {
		if name == "sentence_embedding" && shapes[i].Rank() == 2 {
			m.output, m.pooled = name, true
			return nil
		}
	}
	for i, name := range names {
		if shapes[i].Rank() == 3 {
			m.output = name
			return nil
		}
	}
	return fmt.Errorf("none of its outputs (%s) is sentence_embedding or has a vector for each word piece", strings.Join(names, ", "))
}

// Name tells the model from others: the folder's name and a digest of what is in it.
func (m *Model) Name() string { return m.name }

// Dim is the dimension of the vectors.
func (m *Model) Dim() int { return m.dim }

// Embed returns a vector of length one for each text. What is longer than the model takes is cut off. Once begun, a batch is not cut short.
func (m *Model) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	ids := make([][]int64, len(texts))
	order := make([]int, len(texts))
	for i, text := range texts {
		ids[i], order[i] = m.words.encode(text, m.length), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(ids[a]), len(ids[b])) }) // texts of one length together
	const together = 16
	for len(order) > 0 {
		n := min(together, len(order))
		if n < together {
			n = 1 // so that there are graphs for two sizes only
		}
		select {
		case m.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		err := m.guard(func() error { return m.run(ids, order[:n], out) })
		<-m.turn
		if err != nil {
			return nil, err
		}
		order = order[n:]
	}
	return out, nil
}

func (m *Model) run(ids [][]int64, which []int, out [][]float32) error {
	longest := 0
	for _, i := range which {
		longest = max(longest, len(ids[i]))
	}
	longest = min((longest+lengthStep-1)/lengthStep*lengthStep, m.length)
	flat := map[string][]int64{"input_ids": nil, "attention_mask": nil, "token_type_ids": make([]int64, len(which)*longest)}
	for _, i := range which {
		for j := range longest {
			id, mask := m.words.pad, int64(0)
			if j < len(ids[i]) {
				id, mask = ids[i][j], 1
			}
			flat["input_ids"], flat["attention_mask"] = append(flat["input_ids"], id), append(flat["attention_mask"], mask)
		}
	}
	var args []any
	for _, name := range m.inputs {
		args = append(args, tensors.FromFlatDataAndDimensions(flat[name], len(which), longest))
	}
	results, err := m.exec.Exec(args...)
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range results {
			r.FinalizeAll()
		}
	}()
	shape := results[0].Shape()
	pieces := 1
	if !m.pooled {
		pieces = longest
	}
	if want := []int{len(which), longest}[:shape.Rank()-1]; !slices.Equal(shape.Dimensions[:shape.Rank()-1], want) {
		return fmt.Errorf("its output has the shape %v for %d texts of %d pieces", shape.Dimensions, len(which), longest)
	}
	dim := shape.Dimensions[shape.Rank()-1]
	return tensors.ConstFlatData(results[0], func(values []float32) {
		for k, i := range which {
			v := make([]float32, dim)
			n := min(pieces, len(ids[i]))
			if m.first {
				n = 1
			}
			for j := range n {
				for d, e := range values[(k*pieces+j)*dim:][:dim] {
					v[d] += e
				}
			}
			square := 0.
			for _, e := range v {
				square += float64(e) * float64(e)
			}
			if square > 0 {
				for d := range v {
					v[d] /= float32(math.Sqrt(square))
				}
			}
			out[i] = v
		}
	})
}

// Close gives back what the backend holds.
func (m *Model) Close() error {
	return m.guard(func() error {
		m.exec.Finalize()
		m.on.Finalize()
		return nil
	})
}
