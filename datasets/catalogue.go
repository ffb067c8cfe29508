package datasets

import (
	"fmt"
	"slices"
	"strings"
)

// Set is a public data set.
type Set struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Says    string   `json:"says"`    // what it holds, with shapes and units
	Licence string   `json:"licence"` // as its source states it
	Cite    string   `json:"cite"`
	Papers  []string `json:"papers"` // slugs of the papers it suits
	Files   []File   `json:"files"`
	// Manual says how to get a set that cannot simply be downloaded, such as one behind a form; empty otherwise.
	Manual string `json:"manual,omitempty"`
}

// File is one file of a set.
type File struct {
	Name   string `json:"name"`
	URL    string `json:"url,omitempty"`    // empty for a Manual set
	Bytes  int64  `json:"bytes,omitempty"`  // 0 if not known
	SHA256 string `json:"sha256,omitempty"` // empty if not known; the first download's digest is then kept and shown
	// Mirror is the file's path in a mirror folder. If it ends in .gz and Name does not, the mirror holds it compressed.
	Mirror string `json:"mirror,omitempty"`
}

// Bytes is the size of all files, or 0 if one is not known.
func (s *Set) Bytes() int64 {
	var n int64
	for _, f := range s.Files {
		if f.Bytes == 0 {
			return 0
		}
		n += f.Bytes
	}
	return n
}

// Get returns the set of that ID.
func Get(id string) (*Set, error) {
	var ids []string
	for i := range catalogue {
		if catalogue[i].ID == id {
			return &catalogue[i], nil
		}
		ids = append(ids, catalogue[i].ID)
	}
	return nil, fmt.Errorf("no data set is called %q (there are: %s)", id, strings.Join(ids, ", "))
}

// All returns the catalogue. Do not change it.
func All() []Set { return catalogue }

var catalogue = slices.Concat(recordingSets, imageSets, eventSets)

// recordingSets are recordings of people and animals, and series.
var recordingSets = []Set{
	{
		ID: "nyc-taxi", Title: "New York taxi passengers, Numenta Anomaly Benchmark",
		Says:    "10320 half-hourly passenger counts, 1 July 2014 to 31 January 2015; CSV with columns timestamp,value",
		Licence: "MIT (NAB)", Cite: "NYC Taxi and Limousine Commission; Lavin & Ahmad 2015 (NAB)", Papers: []string{"htm"},
		Files: []File{{Name: "nyc_taxi.csv", URL: "https://raw.githubusercontent.com/numenta/NAB/master/data/realKnownCause/nyc_taxi.csv",
			Bytes: 265771, SHA256: "d8fa6f7f0734bf5c8be12c52a94e20a82664c397d9dec4449156bd453d32856d", Mirror: "series/nyc_taxi.csv"}},
	},
	{
		ID: "nyc-taxi-long", Title: "New York taxi passengers, one year",
		Says:    "17520 half-hourly passenger counts, 1 July 2014 to 30 June 2015, with time of day and day of week; CSV with three header rows",
		Licence: "AGPL-3 (htmresearch repository)", Cite: "NYC Taxi and Limousine Commission; Cui, Ahmad & Hawkins 2016", Papers: []string{"htm"},
		Files: []File{{Name: "nyc_taxi.csv",
			URL:   "https://raw.githubusercontent.com/numenta/htmresearch/master/projects/sequence_prediction/continuous_sequence/data/nyc_taxi.csv",
			Bytes: 577247, SHA256: "092d957f5bb0d2cd62f85098ed2268114a47b4738a5f4b29ea6be4be7349fc4d", Mirror: "series/nyc-taxi-long/nyc_taxi.csv.gz"}},
	},
	{
		ID: "bci2-selfpaced", Title: "BCI Competition II, data set IV: self-paced key presses",
		Says:    "28 EEG channels, 316 labelled and 100 test trials of 500 ms before a key press, 100 Hz, left or right hand; MAT v5",
		Licence: "BCI Competition terms: free for research with citation", Cite: "Blankertz, Curio & Müller 2002; Blankertz et al. 2004",
		Papers: []string{"dbconformer"},
		Files: []File{{Name: "sp1s_aa.mat", Bytes: 1409474, SHA256: "43e65a6ba1fa710d5274fbe69e7d6b20da9eef588f91f00f17d7a462623b83c5",
			Mirror: "eeg/bci2-selfpaced/sp1s_aa.mat"}},
		Manual: "Accept the terms on the BCI Competition II pages (bbci.de/competition/ii), download data set IV at 100 Hz in MATLAB form, and give sp1s_aa.mat with --data.",
	},
	bnci("bnci2014-001", "BNCI 2014-001 (BCI Competition IV-2a)", "nine people, 22 EEG and 3 EOG channels, 250 Hz, motor imagery of left hand, right hand, feet and tongue, two sessions; MAT v5",
		"001-2014", "A", 9, []string{"T", "E"}),
	bnci("bnci2014-004", "BNCI 2014-004 (BCI Competition IV-2b)", "nine people, 3 EEG and 3 EOG channels, 250 Hz, motor imagery of left and right hand, five sessions; MAT v5",
		"004-2014", "B", 9, []string{"T", "E"}),
	{
		ID: "nlb-mc-maze", Title: "Neural Latents Benchmark, MC_Maze (DANDI 000128)",
		Says:    "motor and premotor cortex of a monkey reaching through mazes, spike times and hand velocity; NWB",
		Licence: "CC BY 4.0", Cite: "Churchland, Kaufman & Pei 2021; Pei et al. 2021", Papers: []string{"langevinflow"},
		Manual: "Download it with the DANDI client (dandi download DANDI:000128) and give the training file (NWB), or the benchmark's tensors (train_spikes_heldin, ...) as HDF5 or NPZ, with --data.",
	},
}

// bnci describes a set of the BNCI Horizon 2020 collection: one file for each person and session kind.
func bnci(id, title, says, folder, letter string, people int, kinds []string) Set {
	s := Set{ID: id, Title: title, Says: says, Licence: "CC BY-ND 4.0", Cite: "Tangermann et al. 2012 (BCI Competition IV)", Papers: []string{"dbconformer"}}
	for p := 1; p <= people; p++ {
		for _, k := range kinds {
			name := fmt.Sprintf("%s%02d%s.mat", letter, p, k)
			s.Files = append(s.Files, File{Name: name, URL: "http://bnci-horizon-2020.eu/database/data-sets/" + folder + "/" + name})
		}
	}
	return s
}
