package fit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

const (
	modelFormat = "gyrus model 1"
	// ModelFile is the file in a model's folder that holds its variables and description, in the safetensors format.
	ModelFile = "model.safetensors"
)

// Save writes the model's variables, and about, which must be something encoding/json can store: what a program needs to know to use
// the model, such as its sizes and the units of its data. The folder is created if need be. A crash leaves either the old model or the
// new one.
func Save(dir string, vars *mlctx.Context, about any) error {
	text, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("saving a model: its description cannot be stored: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("saving a model: %w", err)
	}
	var values []named
	trainable := map[string]bool{}
	for v := range modelVariables(vars) {
		value, err := v.Value()
		if err != nil {
			return fmt.Errorf("saving a model: %w", err)
		}
		values = append(values, named{v.ScopeAndName(), value})
		trainable[v.ScopeAndName()] = v.Trainable
	}
	if len(values) == 0 {
		return fmt.Errorf("saving a model in %s: there are no variables", dir)
	}
	flags, err := json.Marshal(trainable)
	if err != nil {
		return fmt.Errorf("saving a model: %w", err)
	}
	meta := map[string]string{"about": string(text), "trainable": string(flags), "variables": strconv.Itoa(len(values))}
	if err := writeTensors(filepath.Join(dir, ModelFile), "", modelFormat, meta, values); err != nil {
		return fmt.Errorf("saving a model: %w", err)
	}
	return nil
}

// Load reads what [Save] wrote: the variables come back in a new context, and the description is decoded into about, a pointer (or nil).
// The graph that uses the variables may be built with any setting of ctx.Checked that allows existing variables; [NewPredictor] does so.
func Load(dir string, about any) (*mlctx.Context, error) {
	path := filepath.Join(dir, ModelFile)
	meta, values, err := readTensors(path, modelFormat)
	if err != nil {
		return nil, fmt.Errorf("loading a model: %w", err)
	}
	var trainable map[string]bool
	if err := json.Unmarshal([]byte(meta["trainable"]), &trainable); err != nil {
		return nil, fmt.Errorf("loading a model: %s: the list of variables is damaged: %w", path, err)
	}
	if about != nil {
		if err := json.Unmarshal([]byte(meta["about"]), about); err != nil {
			return nil, fmt.Errorf("loading a model: %s: its description does not fit this program: %w", path, err)
		}
	}
	vars := mlctx.New()
	for _, v := range values {
		scope, name := mlctx.SplitScope(v.name)
		known, ok := trainable[v.name]
		if scope == "" || name == "" || !ok {
			return nil, fmt.Errorf("loading a model: %s: %q is not the name of a variable", path, v.name)
		}
		vars.InAbsPath(scope).VariableWithValue(name, v.value).SetTrainable(known)
	}
	return vars, nil
}

// Size returns the number of trainable values of a model.
func Size(vars *mlctx.Context) int {
	n := 0
	for v := range modelVariables(vars) {
		if v.Trainable {
			n += v.Shape().Size()
		}
	}
	return n
}
