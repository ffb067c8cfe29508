package sentence

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/feed/search"
)

var _ search.Embedder = (*Model)(nil)

// TestGolden compares with the reference tokenizer and with ONNX Runtime; testdata/golden.py made the values.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Text   string
		IDs    []int64
		Vector []float32
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden) < 5 {
		t.Fatal(len(golden), err)
	}
	m, err := Open("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Dim() != 16 || m.length != 24 {
		t.Errorf("%d dimensions, %d pieces", m.Dim(), m.length)
	}
	var texts []string
	for _, g := range golden {
		if ids := m.words.encode(g.Text, m.length); !slices.Equal(ids, g.IDs) {
			t.Errorf("%q: pieces %v, want %v", g.Text, ids, g.IDs)
		}
		texts = append(texts, g.Text)
	}
	for range 3 { // enough for a whole batch, whose texts are of different lengths
		texts = append(texts, texts[:len(golden)]...)
	}
	got, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		want := golden[i%len(golden)].Vector
		for j := range v {
			if math.Abs(float64(v[j]-want[j])) > 2e-5 {
				t.Errorf("%q: %.5f, want %.5f", texts[i], v, want)
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.turn <- struct{}{}
	if _, err := m.Embed(ctx, texts[:1]); err == nil {
		t.Error("a cancelled call embedded")
	}
	<-m.turn
}

func TestWhatDoesNotFit(t *testing.T) {
	model, err := os.ReadFile("testdata/tiny/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := os.ReadFile("testdata/tiny/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty", nil, "must hold vocab.txt"},
		{"no model", map[string]string{"vocab.txt": string(vocabulary)}, "must hold model.onnx"},
		{"other vocabulary", map[string]string{"vocab.txt": "a\nb\n", "model.onnx": string(model)}, "WordPiece"},
		{"longer vocabulary", map[string]string{"vocab.txt": string(vocabulary) + "more\n", "model.onnx": string(model)}, "do not belong together"},
		{"no onnx", map[string]string{"vocab.txt": string(vocabulary), "model.onnx": "nothing"}, "no ONNX file"},
		{"empty onnx", map[string]string{"vocab.txt": string(vocabulary), "model.onnx": ""}, "cannot be run"},
		{"cut onnx", map[string]string{"vocab.txt": string(vocabulary), "model.onnx": string(model[:len(model)-200])}, "cannot be run"},
		{"other input", map[string]string{"vocab.txt": string(vocabulary), "model.onnx": strings.ReplaceAll(string(model), "token_type_ids", "token_tape_ids")}, "token_tape_ids"},
		{"other tokenizer", map[string]string{"tokenizer_config.json": `{"tokenizer_class": "XLMRobertaTokenizer"}`}, "XLMRobertaTokenizer"},
		{"other pooling", map[string]string{"1_Pooling/config.json": `{"pooling_mode_max_tokens": true}`}, "maximum"},
		{"broken config", map[string]string{"tokenizer_config.json": `{`}, "tokenizer_config.json"},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	w, err := readVocabulary("testdata/tiny/vocab.txt", true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Spiking neurons, 神経 \xff", 10)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 2 || n > 600 {
			return
		}
		ids := w.encode(text, n)
		if len(ids) < 2 || len(ids) > n || ids[0] != w.cls || ids[len(ids)-1] != w.sep {
			t.Fatalf("%v", ids)
		}
	})
}
