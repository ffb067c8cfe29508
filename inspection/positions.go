package inspection

import (
	"math"
	"strings"
	"sync"

	"github.com/gyrus-dev/gyrus/recording"
	"github.com/gyrus-dev/gyrus/report"
)

// Standard gives the place of an electrode of the 10-05 system (Oostenveld and Praamstra, Clin. Neurophysiol. 112, 2001) on a sphere of
// radius 1: x to the right, y to the nose, z up, the nasion at (0, 1, 0). It takes names as recordings write them: "Fc5.", "EEG Fpz-Cz",
// "T3" for T7.
func Standard(name string) (at [3]float64, ok bool) {
	table := standard()
	for _, key := range spellings(name) {
		if at, ok = table[key]; ok {
			return at, true
		}
	}
	return at, false
}

// spellings are the keys to look a name up by: as it stands, and without what amplifiers and archives put around it.
func spellings(name string) []string {
	s := strings.ToLower(strings.TrimSpace(name))
	out := []string{s}
	add := func(t string) {
		t = strings.Trim(t, " .")
		if t != "" && t != out[len(out)-1] {
			out = append(out, t)
		}
	}
	add(s)
	s = out[len(out)-1]
	for _, prefix := range []string{"eeg ", "eeg_", "eeg-", "eeg:"} {
		s = strings.TrimPrefix(s, prefix)
	}
	add(s)
	for _, cut := range []string{"-", "_", " "} {
		before, after, found := strings.Cut(s, cut)
		if found && isReference(after) {
			add(before)
			s = strings.Trim(before, " .")
		}
	}
	return out
}

// isReference says whether what follows an electrode's name is what it was measured against: then the name says where the signal is from.
// A bipolar pair such as F3-C3 lies at neither.
func isReference(s string) bool {
	switch strings.Trim(s, " .") {
	case "ref", "le", "a1", "a2", "m1", "m2", "a1a2", "avg", "av", "ar", "cpz", "0", "1":
		return true
	}
	return false
}

// formerNames of the 10-20 system, and the mastoids and ear lobes by the nearest of the 10-05 system.
var formerNames = map[string]string{"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8", "m1": "tp9", "m2": "tp10", "a1": "t9", "a2": "t10"}

// standard computes the table. The head is a sphere whose midline from nasion over Cz to inion, and whose circumference, are divided by
// tenths: 18 degrees each. Ten percent above the circumference runs a ring, from Fpz over T7 and Oz to T8; between the places on the
// ring and that on the midline a row's electrodes lie on one circle, in equal steps.
var standard = sync.OnceValue(func() map[string][3]float64 {
	t := map[string][3]float64{}
	degrees := math.Pi / 180
	// at is the place so many degrees from the nose, to the right, and above the circumference.
	at := func(azimuth, elevation float64) [3]float64 {
		sin, cos := math.Sincos(azimuth * degrees)
		up, flat := math.Sincos(elevation * degrees)
		return [3]float64{sin * flat, cos * flat, up}
	}
	for i, row := range []struct{ middle, side string }{ // from the front, in steps of 5 percent
		{"N", "N"}, {"NFp", "NFp"}, {"Fp", "Fp"}, {"AFp", "AFp"}, {"AF", "AF"}, {"AFF", "AFF"}, {"F", "F"}, {"FFC", "FFT"}, {"FC", "FT"}, {"FCC", "FTT"}, {"C", "T"},
		{"CCP", "TTP"}, {"CP", "TP"}, {"CPP", "TPP"}, {"P", "P"}, {"PPO", "PPO"}, {"PO", "PO"}, {"POO", "POO"}, {"O", "O"}, {"OI", "OI"}, {"I", "I"},
	} {
		front := 90 - 9*float64(i) // of the midline, degrees from Cz to the front
		sin, cos := math.Sincos(front * degrees)
		middle := [3]float64{0, sin, cos}
		t[strings.ToLower(row.middle)+"z"] = middle
		if i <= 2 || i >= 18 { // rings of the front and back
			elevation := map[int]float64{0: 0, 1: 9, 2: 18, 18: 18, 19: 9, 20: 0}[i]
			for _, e := range []struct {
				name string
				turn float64
			}{{"1h", 9}, {"1", 18}} {
				azimuth := e.turn
				if i >= 18 {
					azimuth = 180 - e.turn
				}
				t[strings.ToLower(row.side)+e.name] = at(-azimuth, elevation)
				t[strings.ToLower(row.side)+mirrored[e.name]] = at(azimuth, elevation)
			}
			continue
		}
		azimuth := 18 + 9*float64(i-2) // of the ring: Fp1 is 18 degrees from Fpz, T7 90
		for k, name := range []string{"1h", "1", "3h", "3", "5h", "5", "7h", "7", "9h", "9"} {
			place := at(azimuth, 18-9*float64(k-7))
			label := row.side
			if k < 7 {
				place = onArc(middle, at(azimuth, 18), at(-azimuth, 18), float64(k+1)/8)
			}
			if k < 6 {
				label = row.middle
			}
			label = strings.ToLower(label)
			t[label+mirrored[name]] = place
			t[label+name] = [3]float64{-place[0], place[1], place[2]}
		}
	}
	for old, now := range formerNames {
		t[old] = t[now]
	}
	return t
})

// mirrored are the even numbers of the right side.
var mirrored = map[string]string{"1h": "2h", "1": "2", "3h": "4h", "3": "4", "5h": "6h", "5": "6", "7h": "8h", "7": "8", "9h": "10h", "9": "10"}

// onArc is the point at a part of the way from a to b along the circle through a, b and c.
func onArc(a, b, c [3]float64, part float64) [3]float64 {
	// The middle of the circle is the foot of the origin on the plane of the three points, which lie on one sphere about it.
	n := cross(minus(b, a), minus(c, a))
	scale := dot(n, a) / dot(n, n)
	middle := [3]float64{n[0] * scale, n[1] * scale, n[2] * scale}
	u, v := minus(a, middle), minus(b, middle)
	angle := math.Acos(max(-1, min(1, dot(u, v)/math.Sqrt(dot(u, u)*dot(v, v)))))
	if angle < 1e-9 {
		return a
	}
	p, q := math.Sin((1-part)*angle)/math.Sin(angle), math.Sin(part*angle)/math.Sin(angle)
	return [3]float64{middle[0] + p*u[0] + q*v[0], middle[1] + p*u[1] + q*v[1], middle[2] + p*u[2] + q*v[2]}
}

func minus(a, b [3]float64) [3]float64 { return [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func dot(a, b [3]float64) float64      { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// layout is where the sensors of some channels are on the head.
type layout struct {
	channels []int // of the recording, those that are placed
	sensors  []report.Sensor
	says     string // where the places are from
}

// layoutOf places channels by the positions the file gives, if it gives most of them, and else by their names.
func layoutOf(r *recording.Recording, channels []int) layout {
	var measured, named layout
	measured.says = "Places are those in the file."
	named.says = "The file gives no positions: places are those of the 10-05 system for the channels' names."
	for _, c := range channels {
		ch := r.Channels[c]
		if p := ch.Position; p != nil && *p != [3]float64{} && !math.IsNaN(p[0]+p[1]+p[2]) {
			measured.channels = append(measured.channels, c)
			measured.sensors = append(measured.sensors, report.SensorAt(ch.Name, p[0], p[1], p[2]))
		}
		if p, ok := Standard(ch.Name); ok {
			named.channels = append(named.channels, c)
			named.sensors = append(named.sensors, report.SensorAt(ch.Name, p[0], p[1], p[2]))
		}
	}
	if len(measured.channels) >= 3 && 2*len(measured.channels) > len(channels) || len(measured.channels) > len(named.channels) {
		return measured
	}
	if 2*len(named.channels) < len(channels) {
		return layout{} // a grid whose contacts are called C1 to C64 is not the 10-05 system
	}
	return named
}
