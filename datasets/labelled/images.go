package labelled

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/recording/idx"
)

// Part is a part of a set, as its publishers split it.
type Part int

// The parts.
const (
	Train Part = iota
	Test
)

func (p Part) String() string { return [...]string{"train", "test"}[p] }

// Images is images with their classes.
type Images struct {
	Channels, Height, Width int
	Pixels                  []uint8 // [n, Channels, Height, Width]
	Labels                  []uint8 // [n]
	Classes                 int
}

// Len is the number of images.
func (s *Images) Len() int { return len(s.Labels) }

// Image is the i-th image, [Channels, Height, Width]; it shares the storage.
func (s *Images) Image(i int) []uint8 {
	n := s.Channels * s.Height * s.Width
	return s.Pixels[i*n : (i+1)*n]
}

// Float32s returns all pixels between 0 and 1.
func (s *Images) Float32s() []float32 {
	out := make([]float32, len(s.Pixels))
	for i, p := range s.Pixels {
		out[i] = float32(p) / 255
	}
	return out
}

// First is the first n images, or all if there are fewer. It shares the storage.
func (s *Images) First(n int) *Images {
	n = min(n, s.Len())
	out := *s
	out.Pixels, out.Labels = s.Pixels[:n*s.Channels*s.Height*s.Width], s.Labels[:n]
	return &out
}

// MNIST reads a part of MNIST, or of a set in its form such as Fashion-MNIST, from a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each of which may end in .gz. Labels must lie in 0 to 9.
func MNIST(dir string, part Part) (*Images, error) {
	stem := [...]string{"train", "t10k"}[part]
	images, imagesPath, err := readIDX(dir, stem+"-images-idx3-ubyte", 3)
	if err != nil {
		return nil, err
	}
	labels, labelsPath, err := readIDX(dir, stem+"-labels-idx1-ubyte", 1)
	if err != nil {
		return nil, err
	}
	s := &Images{Channels: 1, Height: images.Dims[1], Width: images.Dims[2], Pixels: images.Data.([]uint8), Labels: labels.Data.([]uint8), Classes: 10}
	if images.Dims[0] != len(s.Labels) {
		return nil, &recording.Error{Path: labelsPath, Offset: 4, Found: fmt.Sprintf("%d labels", len(s.Labels)),
			Expected: fmt.Sprintf("%d, as there are images in %s", images.Dims[0], filepath.Base(imagesPath))}
	}
	return s, checkLabels(s, labelsPath, 8, 1)
}

// checkLabels refuses classes that there are not. The i-th label of a file is at offset first + i·apart.
func checkLabels(s *Images, path string, first, apart int64) error {
	for i, l := range s.Labels {
		if int(l) >= s.Classes {
			return &recording.Error{Path: path, Offset: first + int64(i)*apart, Found: fmt.Sprintf("the label %d", l), Expected: fmt.Sprintf("0 to %d", s.Classes-1)}
		}
	}
	return nil
}

func readIDX(dir, name string, axes int) (*recording.Array, string, error) {
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		file += ".gz"
	}
	a, err := idx.Read(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = &recording.Error{Path: dir, Offset: -1, Found: fmt.Sprintf("neither %s nor %s.gz", name, name), Expected: "the four files of MNIST's form",
				Remedy: "name the folder that holds them", Err: err}
		}
		return nil, "", err
	}
	if _, ok := a.Data.([]uint8); !ok || len(a.Dims) != axes {
		return nil, "", &recording.Error{Path: file, Offset: 2, Found: a.String(), Expected: fmt.Sprintf("%d axes of uint8", axes)}
	}
	return a, file, nil
}

// CIFAR10 reads a part of CIFAR-10 from the folder of its binary version (data_batch_1.bin ... test_batch.bin), a folder that holds that folder
// or the archive cifar-10-binary.tar.gz, or the archive itself.
func CIFAR10(place string, part Part) (*Images, error) {
	names := []string{"test_batch.bin"}
	if part == Train {
		names = nil
		for i := 1; i <= 5; i++ {
			names = append(names, fmt.Sprintf("data_batch_%d.bin", i))
		}
	}
	return cifar(place, "cifar-10", names, 1, 10)
}

// CIFAR100 reads a part of CIFAR-100, with the fine labels, as [CIFAR10] does: train.bin and test.bin, cifar-100-binary.tar.gz.
func CIFAR100(place string, part Part) (*Images, error) {
	return cifar(place, "cifar-100", []string{part.String() + ".bin"}, 2, 100)
}

// cifarSide and cifarMost are the size of an image, and the most images in a file.
const (
	cifarSide = 32
	cifarMost = 50_000
)

// cifar reads files of records: label bytes, of which the last counts, then the image.
func cifar(place, set string, names []string, labelBytes, classes int) (*Images, error) {
	s := &Images{Channels: 3, Height: cifarSide, Width: cifarSide, Classes: classes}
	record := labelBytes + 3*cifarSide*cifarSide
	add := func(name string, r io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(r, int64(cifarMost*record+1)))
		if err != nil {
			return &recording.Error{Path: name, Offset: int64(len(data)), Expected: "records of CIFAR", Err: err}
		}
		if len(data) == 0 || len(data)%record != 0 || len(data) > cifarMost*record {
			return &recording.Error{Path: name, Offset: int64(len(data)), Found: fmt.Sprintf("%d bytes", len(data)),
				Expected: fmt.Sprintf("records of %d bytes, at most %d of them", record, cifarMost), Remedy: "use the binary version of the set"}
		}
		begin := len(s.Labels)
		for i := 0; i < len(data); i += record {
			s.Labels = append(s.Labels, data[i+labelBytes-1])
			s.Pixels = append(s.Pixels, data[i+labelBytes:i+record]...)
		}
		own := Images{Labels: s.Labels[begin:], Classes: classes}
		return checkLabels(&own, name, int64(labelBytes-1), int64(record))
	}

	info, err := os.Stat(place)
	if err != nil {
		return nil, err
	}
	archive := place
	if info.IsDir() {
		for _, dir := range []string{place, filepath.Join(place, set+"-batches-bin"), filepath.Join(place, set+"-binary")} {
			if _, err := os.Stat(filepath.Join(dir, names[0])); err != nil {
				continue
			}
			for _, name := range names {
				file, err := os.Open(filepath.Join(dir, name))
				if err != nil {
					return nil, err
				}
				err = add(file.Name(), file)
				file.Close()
				if err != nil {
					return nil, err
				}
			}
			return s, nil
		}
		archive = filepath.Join(place, set+"-binary.tar.gz")
	}
	err = untar(archive, names, add)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &recording.Error{Path: place, Offset: -1, Found: "neither " + names[0] + " nor " + filepath.Base(archive), Expected: "the binary version of " + strings.ToUpper(set), Err: err}
	}
	return s, err
}

// maxTar bounds what a tar archive inflates to.
const maxTar = 1 << 30

// untar hands the files of these names to take, in the order of the names, wherever they lie in a compressed tar archive.
func untar(archive string, names []string, take func(name string, r io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	broken := func(err error) error {
		return &recording.Error{Path: archive, Offset: -1, Expected: "a tar archive, compressed by gzip", Err: err}
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		return broken(err)
	}
	found := map[string][]byte{}
	for r := tar.NewReader(io.LimitReader(z, maxTar)); len(found) < len(names); {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(err)
		}
		base := path.Base(h.Name)
		for _, name := range names {
			if base == name && found[name] == nil && h.Typeflag == tar.TypeReg {
				// Read as far as it goes: the header promises, but does not make, a length.
				data, err := io.ReadAll(r)
				if err != nil {
					return broken(err)
				}
				found[name] = data
			}
		}
	}
	for _, name := range names {
		data, ok := found[name]
		if !ok {
			return &recording.Error{Path: archive, Offset: -1, Found: "an archive without " + name, Expected: strings.Join(names, ", ")}
		}
		if err := take(archive+":"+name, bytes.NewReader(data)); err != nil {
			return err
		}
	}
	return nil
}
