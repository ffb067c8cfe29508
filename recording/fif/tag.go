package fif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/wire"
)

// Kinds of tags, blocks and types of data, numbered as the format does (MEGIN, "Functional Image File Format"; MNE-Python
// added those from 350 and 3500).
const (
	kindFileID        = 100
	kindBlockID       = 103
	kindBlockStart    = 104
	kindBlockEnd      = 105
	kindParentBlockID = 110
	kindRefRole       = 115
	kindRefNumber     = 117
	kindRefName       = 118

	kindChannels     = 200
	kindRate         = 201
	kindChannel      = 203
	kindDate         = 204
	kindComment      = 206
	kindAverages     = 207
	kindFirstSample  = 208
	kindLastSample   = 209
	kindAspect       = 210
	kindExperimenter = 212
	kindPoint        = 213
	kindLowpass      = 219
	kindTransform    = 222
	kindHighpass     = 223
	kindSamples      = 228
	kindFirstTime    = 229
	kindName         = 233
	kindPoints       = 234
	kindLineRate     = 235

	kindChannelScan  = 250
	kindChannelLog   = 251
	kindChannelKind  = 252
	kindChannelRange = 253
	kindChannelCal   = 254
	kindChannelLoc   = 255
	kindChannelUnit  = 256
	kindChannelMul   = 257
	kindChannelName  = 258
	kindChannelCoil  = 350
	kindChannelFrame = 351

	kindBuffer      = 300
	kindSkip        = 301 // in buffers
	kindEpoch       = 302
	kindSkipSamples = 303

	kindProjectorKind    = 3411
	kindProjectorCount   = 3414
	kindProjectorVectors = 3415
	kindProjectorNames   = 3417
	kindProjectorActive  = 3560
	kindRowNames         = 3502
	kindColumnNames      = 3503
	kindFrame            = 3506
	kindNames            = 3507
	kindEventList        = 3561
	kindEventComments    = 3566
	kindBaselineMin      = 3568
	kindBaselineMax      = 3569

	kindCompensationKind       = 3580
	kindCompensationData       = 3581
	kindCompensationCalibrated = 3582

	blockMeasurement = 100
	blockInfo        = 101
	blockRaw         = 102
	blockEvoked      = 104
	blockAspect      = 105
	blockPoints      = 107
	blockFit         = 109
	blockContinuous  = 112
	blockChannel     = 113
	blockReference   = 118
	blockShieldedRaw = 119
	blockProjectors  = 313
	blockProjector   = 314
	blockNamedMatrix = 357
	blockBads        = 359
	blockEvents      = 361
	blockEpochs      = 373

	blockCompensations = 370
	blockCompensation  = 371

	blockOldEpochs   = 122 // MNE-Python before 0.11
	blockAnnotations = 3810

	formVoid          = 0
	formByte          = 1
	formInt16         = 2
	formInt32         = 3
	formFloat32       = 4
	formFloat64       = 5
	formUint16        = 7
	formUint32        = 8
	formString        = 10
	formPack16        = 16
	formComplex64     = 20
	formComplex128    = 21
	formChannel       = 30
	formID            = 31
	formPoint         = 33
	formTransform     = 35
	formPoints        = 36
	formMatrix        = 0x40000000
	formMatrixCoding  = -0x10000 // the upper half of a type: how a matrix is coded
	roleNextFile      = 2
	dateNone          = math.MaxInt32 // microseconds of a date that was taken out, with 0 seconds
	maxMatrixAxes     = 3
	channelRecordSize = 96
)

// bytes reads the data of a tag.
func (f *File) bytes(t tag) ([]byte, error) {
	data := make([]byte, t.size) // index has seen that the file has them
	if n, err := f.content.ReadAt(data, t.at); n < len(data) {
		return nil, f.truncated(t.at, fmt.Sprintf("%d bytes of data", t.size), err)
	}
	return data, nil
}

// record reads the data of a tag that must be of a type and not shorter than size.
func (f *File) record(t tag, form int32, size int64) ([]byte, error) {
	if t.form != form || t.size < size {
		return nil, f.broken(t.at, fmt.Sprintf("%d bytes of type %d in a tag of kind %d", t.size, t.form, t.kind),
			fmt.Sprintf("at least %d of type %d", size, form))
	}
	return f.bytes(t)
}

// numbers reads the numbers of a tag, a vector of any real type.
func (f *File) numbers(t tag) ([]float64, error) {
	r := io.NewSectionReader(f.content, t.at, t.size)
	var out []float64
	var err error
	switch t.form {
	case formVoid:
	case formByte:
		out, err = read[uint8](r, t.size)
	case formInt16, formPack16:
		out, err = read[int16](r, t.size)
	case formUint16:
		out, err = read[uint16](r, t.size)
	case formInt32:
		out, err = read[int32](r, t.size)
	case formUint32:
		out, err = read[uint32](r, t.size)
	case formFloat32:
		out, err = read[float32](r, t.size)
	case formFloat64:
		out, err = read[float64](r, t.size)
	default:
		return nil, f.broken(t.at, fmt.Sprintf("data of type %d in a tag of kind %d", t.form, t.kind), "numbers")
	}
	if err != nil {
		return nil, f.truncated(t.at, fmt.Sprintf("%d bytes of data", t.size), err)
	}
	return out, nil
}

func read[T interface {
	wire.Fixed
	uint8 | int16 | uint16 | int32 | uint32 | float32 | float64
}](r io.Reader, size int64) ([]float64, error) {
	var zero T
	values, err := wire.Read[T](r, int(size)/binary.Size(zero), binary.BigEndian, size)
	if err != nil {
		return nil, err
	}
	if same, ok := any(values).([]float64); ok {
		return same, nil
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out, nil
}

func complexForm(form int32) bool { return form == formComplex64 || form == formComplex128 }

// complexNumbers reads the complex numbers of a tag: pairs of real ones.
func (f *File) complexNumbers(t tag) ([]complex128, error) {
	t.form = map[int32]int32{formComplex64: formFloat32, formComplex128: formFloat64}[t.form]
	x, err := f.numbers(t)
	if err != nil {
		return nil, err
	}
	out := make([]complex128, len(x)/2)
	for i := range out {
		out[i] = complex(x[2*i], x[2*i+1])
	}
	return out, nil
}

func scaleComplex(x []complex128, by float64) {
	for i, v := range x {
		x[i] = complex(real(v)*by, imag(v)*by)
	}
}

// float reads a tag of one number, of which more are ignored.
func (f *File) float(t tag) (float64, error) {
	x, err := f.numbers(tag{kind: t.kind, form: t.form, at: t.at, size: min(t.size, 8)})
	if err != nil {
		return 0, err
	}
	if len(x) == 0 {
		return 0, f.broken(t.at, fmt.Sprintf("no number in a tag of kind %d", t.kind), "a number")
	}
	return x[0], nil
}

// int reads a tag of one whole number.
func (f *File) int(t tag) (int64, error) {
	x, err := f.float(t)
	if err == nil && (x != math.Trunc(x) || math.Abs(x) > 1<<53) { // infinities and NaN included
		err = f.broken(t.at, fmt.Sprintf("%g in a tag of kind %d", x, t.kind), "a whole number")
	}
	return int64(x), err
}

// text reads a tag of text in Latin-1. MNE-Python writes other characters as XML references.
func (f *File) text(t tag) (string, error) {
	data, err := f.bytes(t)
	if err != nil {
		return "", err
	}
	if t.form != formString && t.form != formByte && t.size > 0 {
		return "", f.broken(t.at, fmt.Sprintf("data of type %d in a tag of kind %d", t.form, t.kind), "text")
	}
	return latin1(bytes.TrimRight(data, "\x00")), nil
}

func latin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return unreference(string(r))
}

// unreference replaces references of the form &#8364; to characters.
func unreference(s string) string {
	if !strings.Contains(s, "&#") {
		return s
	}
	var b strings.Builder
	for {
		at := strings.Index(s, "&#")
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		s = s[at:]
		var code rune
		var end int
		for end = 2; end < len(s) && end < 9 && s[end] >= '0' && s[end] <= '9'; end++ {
			code = code*10 + rune(s[end]-'0')
		}
		if end > 2 && end < len(s) && s[end] == ';' && code > 0xff && code <= 0x10ffff {
			b.WriteRune(code)
			s = s[end+1:]
		} else {
			b.WriteString("&#")
			s = s[2:]
		}
	}
}

// names reads a list of names separated by colons. A colon within a name is written {COLON}.
func (f *File) names(t tag) ([]string, error) {
	s, err := f.text(t)
	if err != nil || s == "" {
		return nil, err
	}
	list := strings.Split(s, ":")
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "{COLON}", ":")
	}
	return list, nil
}

// matrix reads the shape of a dense matrix, last axis fastest, and says where its elements are: a tag without the shape.
func (f *File) matrix(t tag) (elements tag, dims []int, err error) {
	wrong := func(found string) error {
		return f.broken(t.at, found+fmt.Sprintf(" in a tag of kind %d", t.kind), "a dense matrix")
	}
	if t.form&formMatrixCoding != formMatrix {
		return t, nil, wrong(fmt.Sprintf("data of type %d", t.form))
	}
	if t.size < 8 {
		return t, nil, wrong(fmt.Sprintf("%d bytes", t.size))
	}
	axes, err := f.int(tag{kind: t.kind, form: formInt32, at: t.at + t.size - 4, size: 4})
	if err != nil {
		return t, nil, err
	}
	if axes < 1 || axes > maxMatrixAxes || t.size < 4*(axes+1) {
		return t, nil, wrong(fmt.Sprintf("%d axes", axes))
	}
	elements = tag{kind: t.kind, form: t.form &^ formMatrixCoding, at: t.at, size: t.size - 4*(axes+1)}
	shape, err := f.numbers(tag{kind: t.kind, form: formInt32, at: t.at + elements.size, size: 4 * axes})
	if err != nil {
		return t, nil, err
	}
	for i := len(shape) - 1; i >= 0; i-- { // the fastest axis is given first
		dims = append(dims, int(shape[i]))
	}
	n, err := recording.Count(dims)
	width := widths[elements.form]
	if err != nil || width == 0 || elements.size/width != int64(n) || elements.size%width != 0 {
		return t, nil, wrong(fmt.Sprintf("%d bytes of type %d in shape %v", elements.size, elements.form, dims))
	}
	return elements, dims, nil
}

// widths gives the bytes of a number of each type.
var widths = map[int32]int64{formByte: 1, formInt16: 2, formPack16: 2, formUint16: 2, formInt32: 4, formUint32: 4, formFloat32: 4,
	formFloat64: 8, formComplex64: 8, formComplex128: 16}
