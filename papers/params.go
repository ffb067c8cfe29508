package papers

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Preset is a named choice of parameters.
type Preset string

// The presets every experiment has.
const (
	Quick   Preset = "quick"   // under about 15 seconds; what the everyday tests run
	Default Preset = "default" // one to five minutes on two cores
	Full    Preset = "full"    // the paper's sizes
)

// Params is the typed parameters of an experiment; [Presets] is its only implementation.
type Params interface {
	// Specs describes each parameter, in the order of the struct's fields.
	Specs() []ParamSpec
	// Resolve returns a copy of a preset's parameters with the given settings applied.
	Resolve(preset Preset, set map[string]string) (any, error)
	// Decode reads what encoding/json made of a resolved value.
	Decode(data []byte) (any, error)

	check() error
}

// Presets holds an experiment's parameters at each preset. T is a struct whose exported fields are bool, int, int64,
// float64, string or time.Duration and carry the tags
//
//	param:"name"     the name in --set name=value (required)
//	help:"..."       one line on what it is (required)
//	unit:"ms"        the unit of the value
//	min:"0" max:"1"  bounds, inclusive
//	oneof:"a b c"    the values a string may take
type Presets[T any] struct{ Quick, Default, Full T }

// ParamSpec describes one parameter.
type ParamSpec struct {
	Name    string   `json:"name"`
	Help    string   `json:"help"`
	Unit    string   `json:"unit,omitempty"`
	Kind    string   `json:"kind"`          // integer, number, yes/no, text or duration
	Min     string   `json:"min,omitempty"` // as in the tag; empty when unbounded
	Max     string   `json:"max,omitempty"`
	OneOf   []string `json:"oneOf,omitempty"`
	Quick   string   `json:"quick"` // the value at each preset
	Default string   `json:"default"`
	Full    string   `json:"full"`
}

var durationType = reflect.TypeFor[time.Duration]()

func (ps Presets[T]) check() error {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("parameters are a %s, not a struct", t)
	}
	seen := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("param")
		switch {
		case !f.IsExported() || !nameForm.MatchString(name) || f.Tag.Get("help") == "":
			return fmt.Errorf("parameter field %s needs to be exported with a param and a help tag", f.Name)
		case seen[name]:
			return fmt.Errorf("parameter %q is declared twice", name)
		}
		seen[name] = true
		switch f.Type.Kind() {
		case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64, reflect.String:
		default:
			return fmt.Errorf("parameter %q has type %s; use bool, int, int64, float64, string or time.Duration", name, f.Type)
		}
		for _, preset := range []Preset{Quick, Default, Full} {
			v := reflect.ValueOf(ps.of(preset)).Field(i)
			if err := setField(v, f, format(v), true); err != nil {
				return fmt.Errorf("preset %s: %w", preset, err)
			}
		}
	}
	return nil
}

func (ps Presets[T]) of(p Preset) T {
	switch p {
	case Quick:
		return ps.Quick
	case Full:
		return ps.Full
	}
	return ps.Default
}

// Specs implements [Params].
func (ps Presets[T]) Specs() []ParamSpec {
	t := reflect.TypeFor[T]()
	q, d, f := reflect.ValueOf(ps.Quick), reflect.ValueOf(ps.Default), reflect.ValueOf(ps.Full)
	specs := make([]ParamSpec, t.NumField())
	for i := range specs {
		field := t.Field(i)
		specs[i] = ParamSpec{
			Name: field.Tag.Get("param"), Help: field.Tag.Get("help"), Unit: field.Tag.Get("unit"), Kind: kindOf(field.Type),
			Min: field.Tag.Get("min"), Max: field.Tag.Get("max"), OneOf: strings.Fields(field.Tag.Get("oneof")),
			Quick: format(q.Field(i)), Default: format(d.Field(i)), Full: format(f.Field(i)),
		}
	}
	return specs
}

// Resolve implements [Params].
func (ps Presets[T]) Resolve(preset Preset, set map[string]string) (any, error) {
	params := ps.of(preset)
	v := reflect.ValueOf(&params).Elem()
	t := v.Type()
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("param"))
	}
	for name, text := range set {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, &UnknownError{Kind: "parameter", Name: name, Near: nearest(name, names), Known: names}
		}
		if err := setField(v.Field(i), t.Field(i), text, false); err != nil {
			return nil, err
		}
	}
	return params, nil
}

// Decode implements [Params].
func (ps Presets[T]) Decode(data []byte) (any, error) {
	var params T
	if err := json.Unmarshal(data, &params); err != nil {
		return nil, fmt.Errorf("stored parameters do not fit this version of the experiment: %w", err)
	}
	return params, nil
}

// ParamValues returns the values of a resolved parameter struct by name, formatted as --set takes them.
func ParamValues(params any) map[string]string {
	v := reflect.ValueOf(params)
	out := make(map[string]string, v.NumField())
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("param")] = format(v.Field(i))
	}
	return out
}

func kindOf(t reflect.Type) string {
	if t == durationType {
		return "duration"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "yes/no"
	}
	return "text"
}

func format(v reflect.Value) string {
	if v.Type() == durationType {
		return time.Duration(v.Int()).String()
	}
	if v.Kind() == reflect.Float64 {
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return fmt.Sprint(v.Interface())
}

// setField parses text into v and checks it against the field's bounds. With checkOnly it leaves v alone.
func setField(v reflect.Value, f reflect.StructField, text string, checkOnly bool) error {
	name := f.Tag.Get("param")
	bad := func(expected string) error {
		if unit := f.Tag.Get("unit"); unit != "" {
			expected += ", in " + unit
		}
		return fmt.Errorf("parameter %q: %q is not %s (%s)", name, text, expected, f.Tag.Get("help"))
	}
	parsed := reflect.New(f.Type).Elem()
	var number float64
	isNumber := true
	switch {
	case f.Type == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return bad("a duration such as 90s or 2m30s")
		}
		parsed.SetInt(int64(d))
		number = d.Seconds()
	case f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return bad("a whole number")
		}
		parsed.SetInt(n)
		number = float64(n)
	case f.Type.Kind() == reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return bad("a finite number")
		}
		parsed.SetFloat(x)
		number = x
	case f.Type.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return bad("true or false")
		}
		parsed.SetBool(b)
		isNumber = false
	default:
		if choices := strings.Fields(f.Tag.Get("oneof")); len(choices) > 0 && !slices.Contains(choices, text) {
			return bad("one of " + strings.Join(choices, ", "))
		}
		parsed.SetString(text)
		isNumber = false
	}
	if isNumber {
		for _, bound := range []string{"min", "max"} {
			tag, ok := f.Tag.Lookup(bound)
			if !ok {
				continue
			}
			limit, err := strconv.ParseFloat(tag, 64)
			if err != nil {
				return fmt.Errorf("parameter %q: %s tag %q is not a number", name, bound, tag)
			}
			if bound == "min" && number < limit {
				return bad("at least " + tag)
			}
			if bound == "max" && number > limit {
				return bad("at most " + tag)
			}
		}
	}
	if !checkOnly {
		v.Set(parsed)
	}
	return nil
}
