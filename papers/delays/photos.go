package delays

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/simulate/motion"
)

const (
	leastSide, mostSide = 64, 8192 // of a photograph, pixels
	// The sizes of van Hateren's images, which have no header: big-endian numbers of 16 bits.
	imlWidth, imlHeight = 1536, 1024
)

// readPhotos reads the photographs of a folder, at most so many in alphabetical order, as grey values, and whitens them.
func readPhotos(folder string, most int) ([]*motion.Image, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, &recording.Error{Path: folder, Offset: -1, Found: "no folder that can be read", Expected: "a folder of grey images (PNG, PGM or IML)", Err: err}
	}
	var out []*motion.Image
	for _, e := range entries { // in alphabetical order
		read, known := photoFormats[strings.ToLower(filepath.Ext(e.Name()))]
		if e.IsDir() || !known {
			continue
		}
		if len(out) == most {
			break
		}
		im, err := readPhoto(filepath.Join(folder, e.Name()), read)
		if err != nil {
			return nil, err
		}
		out = append(out, im)
	}
	if len(out) == 0 {
		return nil, &recording.Error{Path: folder, Offset: -1, Found: "no images", Expected: "files ending in .png, .pgm or .iml"}
	}
	return out, nil
}

// photoFormats reads grey values from the contents of a file.
var photoFormats = map[string]func(content []byte) (*motion.Image, error){".png": readPNG, ".pgm": readPGM, ".iml": readIML}

func readPhoto(path string, read func([]byte) (*motion.Image, error)) (*motion.Image, error) {
	wrong := func(found, expected, remedy string, err error) error {
		return &recording.Error{Path: path, Offset: -1, Found: found, Expected: expected, Remedy: remedy, Err: err}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > mostBytes || !info.Mode().IsRegular() {
		return nil, wrong(fmt.Sprintf("%d bytes", info.Size()), fmt.Sprintf("a file of at most %d", mostBytes), "", nil)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	im, err := read(content)
	var size *sizeError
	if errors.As(err, &size) {
		return nil, wrong(fmt.Sprintf("an image of %d x %d pixels", size.width, size.height), fmt.Sprintf("%d to %d on either side", leastSide, mostSide), "take larger images, or cut them", nil)
	}
	if err != nil {
		return nil, wrong("a file that cannot be read as it is named: "+err.Error(), "an image in the format of its ending", "", err)
	}
	if slices.Min(im.Pixels) == slices.Max(im.Pixels) {
		return nil, wrong(fmt.Sprintf("%g in every pixel", im.Pixels[0]), "an image that is not constant", "remove it from the folder", nil)
	}
	return im.Whitened(whitening)
}

// mostBytes is that of an image of the largest side, 16 bits in each of four colours.
const mostBytes = mostSide * mostSide * 8

// sizeError says that an image has a size that is not read.
type sizeError struct{ width, height int }

func (e *sizeError) Error() string {
	return fmt.Sprintf("an image of %d x %d pixels", e.width, e.height)
}

// newPhoto makes an image of zeros, of an acceptable size.
func newPhoto(width, height int) (*motion.Image, error) {
	if min(width, height) < leastSide || max(width, height) > mostSide {
		return nil, &sizeError{width, height}
	}
	return &motion.Image{Height: height, Width: width, Pixels: make([]float64, width*height)}, nil
}

func readPNG(content []byte) (*motion.Image, error) {
	c, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	im, err := newPhoto(c.Width, c.Height) // before its pixels are given room
	if err != nil {
		return nil, err
	}
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for y := range im.Height {
		for x := range im.Width {
			at := picture.Bounds().Min.Add(image.Pt(x, y))
			im.Pixels[y*im.Width+x] = float64(color.Gray16Model.Convert(picture.At(at.X, at.Y)).(color.Gray16).Y)
		}
	}
	return im, nil
}

func readIML(content []byte) (*motion.Image, error) {
	if len(content) != 2*imlWidth*imlHeight {
		return nil, fmt.Errorf("%d bytes, an image of %d x %d numbers of 16 bits has %d", len(content), imlWidth, imlHeight, 2*imlWidth*imlHeight)
	}
	im, err := newPhoto(imlWidth, imlHeight)
	if err != nil {
		return nil, err
	}
	for i := range im.Pixels {
		im.Pixels[i] = float64(binary.BigEndian.Uint16(content[2*i:]))
	}
	return im, nil
}

// readPGM reads the plain (P2) and the raw (P5) form, with 8 or 16 bits.
func readPGM(content []byte) (*motion.Image, error) {
	r := bufio.NewReader(bytes.NewReader(content))
	word, err := pgmWord(r)
	if err != nil || word != "P2" && word != "P5" {
		return nil, fmt.Errorf("it begins with %q, a PGM with P2 or P5", word)
	}
	var header [3]int
	for i, name := range []string{"width", "height", "largest value"} {
		if header[i], err = pgmNumber(r); err != nil || header[i] < 1 || header[i] > 65535 {
			return nil, fmt.Errorf("its %s is not a number of 1 to 65535", name)
		}
	}
	width, height, largest := header[0], header[1], header[2]
	bytesEach := (bits.Len(uint(largest)) + 7) / 8
	// A plain number takes a digit and a separator.
	if least := map[string]int{"P2": 2*width*height - 1, "P5": bytesEach * width * height}[word]; least > len(content) {
		return nil, fmt.Errorf("%d bytes cannot hold %d x %d pixels", len(content), width, height)
	}
	im, err := newPhoto(width, height)
	if err != nil {
		return nil, err
	}
	for i := range im.Pixels {
		var v int
		if word == "P2" {
			v, err = pgmNumber(r)
		} else {
			for range bytesEach {
				var b byte
				b, err = r.ReadByte()
				v = v<<8 | int(b)
			}
		}
		if err != nil || v > largest {
			return nil, fmt.Errorf("pixel (%d, %d) is not a number of 0 to %d", i%width, i/width, largest)
		}
		im.Pixels[i] = float64(v)
	}
	return im, nil
}

// pgmWord reads a word and the one character after it; comments reach from # to the end of the line.
func pgmWord(r *bufio.Reader) (string, error) {
	var word []byte
	for {
		b, err := r.ReadByte()
		switch {
		case err == io.EOF && len(word) > 0:
			return string(word), nil
		case err != nil:
			return "", err
		case b == '#':
			if _, err := r.ReadBytes('\n'); err != nil {
				return "", err
			}
		case strings.IndexByte(" \t\r\n\v\f", b) < 0:
			if word = append(word, b); len(word) > 10 {
				return string(word), nil
			}
			continue
		}
		if len(word) > 0 {
			return string(word), nil
		}
	}
}

func pgmNumber(r *bufio.Reader) (n int, err error) {
	word, err := pgmWord(r)
	if err != nil {
		return 0, err
	}
	for _, b := range []byte(word) {
		if b < '0' || b > '9' || n > 1<<20 {
			return 0, fmt.Errorf("%q is no number", word)
		}
		n = 10*n + int(b-'0')
	}
	return n, nil
}
