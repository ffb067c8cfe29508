package events

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/klauspost/compress/zstd"
)

func content(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads everything that a file holds.
func readAll(b []byte, name string) error {
	f, err := NewFile(bytes.NewReader(b), int64(len(b)), name)
	if err != nil {
		return err
	}
	e, err := f.Read()
	if err != nil {
		return err
	}
	if len(e.X) != len(e.T) || len(e.Y) != len(e.T) || len(e.On) != len(e.T) {
		return errors.New("lists of different lengths")
	}
	_, err = f.Triggers()
	return err
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// le and be write numbers.
func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func TestHostile(t *testing.T) {
	const head31 = "#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
	packet := func(kind int16, size, offset, overflow, capacity, number int32) string {
		return head31 + string(le(kind, int16(1), size, offset, overflow, capacity, number, number))
	}
	davis := "#!AER-DAT2.0\r\n# AEChip: DAVIS240C\r\n"
	none := content(t, "made-none.aedat4")
	at := int(binary.LittleEndian.Uint32(none[14:])) + 18 // of the first packet
	with := func(at int, values ...any) []byte {
		b := bytes.Clone(none)
		copy(b[at:], le(values...))
		return b
	}
	zs := content(t, "made-zstd.aedat4")
	zat := int(binary.LittleEndian.Uint32(zs[14:])) + 18
	var bomb bytes.Buffer
	z, _ := zstd.NewWriter(&bomb)
	z.Write(make([]byte, maxPacket+1000))
	z.Close()
	inflating := append(append(bytes.Clone(zs[:zat]), le(int32(0), int32(bomb.Len()))...), bomb.Bytes()...)
	binary.LittleEndian.PutUint64(inflating[bytes.Index(inflating, le(int64(tableOf(t, zs)))):], ^uint64(0)) // no table
	for _, c := range []struct {
		name, content string
		want          string
	}{
		{"nothing.aedat", "", "which begins an AEDAT"},
		{"text.aedat", "text, not events", "which begins an AEDAT"},
		{"old.aedat", "#!AER-DAT1.0\r\nxxxxxx", "expected AEDAT 2.0, 3.1 or 4.0"},
		{"unknown.aedat", "#!AER-DAT2.0\r\n# AEChip: Cochlea\r\n", `the camera "Cochlea"`},
		{"endless-line.aedat", "#!AER-DAT2.0\r\n#" + strings.Repeat("x", maxLine), "without an end"},
		{"half.aedat", davis + "\x00\x00\x00\x00\x00", "events of 8 bytes"},
		{"outside.aedat", davis + "\x7f\xff\xf0\x00\x00\x00\x00\x01", "an event at (1023, 511)"},
		{"no-end.aedat", "#!AER-DAT3.1\r\n#Format: RAW\r\n", "the end of the header"},
		{"format.aedat", strings.Replace(head31, "RAW", "Compressed", 1), `data of format "Compressed"`},
		{"size.aedat", packet(1, 0, 4, 0, 1, 1), "events of 0 bytes"},
		{"negative.aedat", packet(1, -8, 4, 0, 1, 1), "events of -8 bytes"},
		{"capacity.aedat", packet(1, 8, 4, 0, -1, -1), "lengths that are not negative"},
		{"number.aedat", packet(1, 8, 4, 0, 1, 2), "2 of 1 events"},
		{"endless.aedat", packet(1, 8, 4, 0, 1<<30, 1<<30), "8589934592 bytes of a packet"},
		{"endless-frames.aedat", packet(2, 1<<30, 4, 0, 1<<30, 1<<30), "1152921504606846976 bytes of a packet"},
		{"odd.aedat", packet(1, 12, 4, 0, 0, 0), "events of 12 bytes"},
		{"offset.aedat", packet(1, 8, 0, 0, 0, 0), "the time at byte 0"},
		{"header.aedat4", "#!AER-DAT4.0\r\n\xff\xff\xff\x7f", "a header of 2147483647 bytes"},
		{"short.aedat4", "#!AER-DAT4.0\r\n\xff\x00\x00\x00abc", "a header of 255 bytes"},
		{"no-buffer.aedat4", "#!AER-DAT4.0\r\n\x10\x00\x00\x000123456789abcdef", "no FlatBuffer of kind IOHE"},
		{"root.aedat4", string(with(18, uint32(1<<30))), "leads out of the FlatBuffer"},
		{"packet.aedat4", string(with(at+4, int32(1<<30))), "1073741824 bytes of a packet"},
		{"negative.aedat4", string(with(at+4, int32(-1))), "a packet of -1 bytes"},
		{"prefix.aedat4", string(with(at+8, uint32(1<<30))), "a FlatBuffer of 1073741824 bytes"},
		{"vector.aedat4", string(with(at+8+24, uint32(1<<28))), "cannot be read"},
		{"zstd.aedat4", string(append(bytes.Clone(zs[:zat+8]), bytes.Repeat([]byte{7}, len(zs)-zat-8)...)), "cannot be read"},
		{"bomb.aedat4", string(inflating), "inflates to more than"},
		{"empty.bs2", "", "a file of 0 bytes"},
		{"odd.bs2", "1234567", "a file of 7 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			used := allocated(func() { err = readAll([]byte(c.content), c.name) })
			var own *recording.Error
			if !errors.As(err, &own) {
				t.Fatalf("error %v, want a *recording.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || own.Path != c.name {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			limit := uint64(8<<20 + 40*len(c.content)) // Zstandard's tables take some megabytes
			if strings.HasPrefix(c.name, "bomb") {
				limit = 8 * maxPacket
			}
			if used > limit {
				t.Errorf("%d bytes allocated for a file of %d", used, len(c.content))
			}
		})
	}
}

// tableOf gives the place of the table of packets that the header of an AEDAT 4 names.
func tableOf(t testing.TB, b []byte) int64 {
	f, err := NewFile(bytes.NewReader(b), int64(len(b)), "x.aedat4")
	if err != nil {
		t.Fatal(err)
	}
	return f.end
}

// TestTruncated cuts sound files at every byte. Where a format has no end of its own, files cut between events or packets are
// sound.
func TestTruncated(t *testing.T) {
	for name, sound := range map[string]func(cut int) bool{
		"made-lz4.aedat4":   func(int) bool { return false },
		"made-zstd.aedat4":  func(int) bool { return false },
		"made-mixed.aedat":  func(cut int) bool { return cut == 111 || cut >= 170 && (cut-170)%8 == 0 },
		"made-raw31.aedat":  func(cut int) bool { return cut == 105 || cut == 105+28+67*8 || cut == 105+2*(28+67*8) },
		"made-more31.aedat": nil,
		"made.bs2":          func(cut int) bool { return cut > 0 && cut%5 == 0 },
	} {
		whole := content(t, name)
		if name == "made-lz4.aedat4" || name == "made-zstd.aedat4" {
			whole = whole[:tableOf(t, whole)]
		}
		for cut := range whole {
			err := readAll(whole[:cut], name)
			var own *recording.Error
			if err != nil && !errors.As(err, &own) {
				t.Fatalf("%s cut to %d bytes: %v", name, cut, err)
			}
			if sound != nil && (err == nil) != sound(cut) {
				t.Errorf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
	}
}

// TestDamaged turns over one bit of every byte.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"made-none.aedat4", "made-lz4.aedat4", "made-zstd.aedat4", "made-more31.aedat", "made-mixed.aedat"} {
		whole := content(t, name)
		failed := 0
		for at := range whole {
			whole[at] ^= 1 << (at % 8)
			if err := readAll(whole, name); err != nil {
				failed++
				var own *recording.Error
				if !errors.As(err, &own) {
					t.Errorf("%s, byte %d: %v is not a *recording.Error", name, at, err)
				}
			}
			whole[at] ^= 1 << (at % 8)
		}
		if failed == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"made-none.aedat4", "made-lz4.aedat4", "made-zstd.aedat4", "made-more31.aedat", "made-mixed.aedat"} {
		f.Add(content(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"fuzz.aedat", "fuzz.bs2"} {
			err := readAll(b, name)
			var own *recording.Error
			if err != nil && !errors.As(err, &own) {
				t.Fatalf("%v is not a *recording.Error", err)
			}
		}
	})
}
