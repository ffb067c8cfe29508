package datasets

// imageSets are images with one label each.
var imageSets = []Set{
	mnistLike("mnist", "MNIST", "70000 handwritten digits, 28x28 grey, 10 classes, 60000 to train and 10000 to test; IDX",
		"Not stated by its authors; commonly given as CC BY-SA 3.0", "LeCun, Cortes & Burges 1998", "https://ossci-datasets.s3.amazonaws.com/mnist/",
		[]File{
			{Name: "train-images-idx3-ubyte.gz", Bytes: 9912422, SHA256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
			{Name: "train-labels-idx1-ubyte.gz", Bytes: 28881, SHA256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
			{Name: "t10k-images-idx3-ubyte.gz", Bytes: 1648877, SHA256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
			{Name: "t10k-labels-idx1-ubyte.gz", Bytes: 4542, SHA256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
		}, []string{"deepsnn", "hlop", "spikingdiffusion", "ultralif"}),
	mnistLike("fashion-mnist", "Fashion-MNIST", "70000 pictures of clothes, 28x28 grey, 10 classes, 60000 to train and 10000 to test; IDX",
		"MIT", "Xiao, Rasul & Vollgraf 2017", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		[]File{
			{Name: "train-images-idx3-ubyte.gz", Bytes: 26421880, SHA256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
			{Name: "train-labels-idx1-ubyte.gz", Bytes: 29515, SHA256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
			{Name: "t10k-images-idx3-ubyte.gz", Bytes: 4422102, SHA256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
			{Name: "t10k-labels-idx1-ubyte.gz", Bytes: 5148, SHA256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
		}, []string{"deepsnn", "spikingdiffusion", "ultralif"}),
	{
		ID: "cifar-10", Title: "CIFAR-10", Says: "60000 colour images of 32x32, 10 classes, 50000 to train and 10000 to test; binary batches in a tar archive",
		Licence: "Not stated", Cite: "Krizhevsky 2009, Learning multiple layers of features from tiny images", Papers: []string{"spikingdiffusion", "ultralif"},
		Files: []File{{Name: "cifar-10-binary.tar.gz", URL: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", Bytes: 170052171,
			SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
	},
	{
		ID: "cifar-100", Title: "CIFAR-100", Says: "60000 colour images of 32x32, 100 classes in 20 groups, 50000 to train and 10000 to test; binary files in a tar archive",
		Licence: "Not stated", Cite: "Krizhevsky 2009, Learning multiple layers of features from tiny images", Papers: []string{"hlop"},
		Files: []File{{Name: "cifar-100-binary.tar.gz", URL: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
			SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}},
	},
}

// eventSets are recordings of event cameras and of model ears, with one label each.
var eventSets = []Set{
	{
		ID: "n-mnist", Title: "N-MNIST", Says: "MNIST shown to a moving event camera: 70000 recordings of 34x34 pixels and about 0.3 s, two polarities; 5 bytes an event, a file each, in folders Train/0 ... Test/9",
		Licence: "CC BY-SA 4.0", Cite: "Orchard, Jayawant, Cohen & Thakor 2015", Papers: []string{"deepsnn", "ultralif"},
		Manual: "Download Train.zip and Test.zip from data.mendeley.com/datasets/468j46mzdv/1, unpack both into one folder, and give that folder with --data.",
	},
	{
		ID: "shd", Title: "Spiking Heidelberg Digits (SHD)", Says: "10420 spoken digits in English and German as spikes of 700 channels of a model cochlea, 20 classes, 8156 to train and 2264 to test; HDF5",
		Licence: "CC BY 4.0", Cite: "Cramer, Stradmann, Schemmel & Zenke 2020", Papers: []string{"ultralif"},
		Files: []File{
			{Name: "shd_train.h5.gz", URL: "https://zenkelab.org/datasets/shd_train.h5.gz"},
			{Name: "shd_test.h5.gz", URL: "https://zenkelab.org/datasets/shd_test.h5.gz"},
		},
	},
	{
		ID: "dvs128-gesture", Title: "DVS128 Gesture", Says: "29 people make 11 gestures before an event camera of 128x128 pixels under three lights; AEDAT 3.1 with a table of labels for each file, lists of files to train and to test",
		Licence: "CC BY 4.0", Cite: "Amir et al. 2017", Papers: []string{"ultralif"},
		Manual: "Download DvsGesture.tar.gz from research.ibm.com/interactive/dvsgesture (MD5 8a5c71fb11e24e5ca5b11866ca6c00a1), unpack it, and give the folder DvsGesture with --data.",
	},
}

// mnistLike is a set of four IDX files in one place.
func mnistLike(id, title, says, licence, cite, from string, files []File, papers []string) Set {
	for i := range files {
		files[i].URL = from + files[i].Name
	}
	return Set{ID: id, Title: title, Says: says, Licence: licence, Cite: cite, Papers: papers, Files: files}
}
