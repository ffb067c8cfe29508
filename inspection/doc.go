// Package inspection shows what is in a file: what gyrus inspect prints, and a page to look at.
//
//	sheet, err := inspection.Page("subject01.edf")
//	err = sheet.WriteHTML(w)
//
// Of a recording the page has traces around the first events, spectra, maps of band power, sensors and events; of a volume three cuts through
// it, where it is and how its values are spread; of an event camera rates and an accumulated image; of arrays and tables, what there is.
// [Components] is the page of a decomposition by package signal/ica.
//
// What may enter: choosing what to show of a file and computing it with packages signal and recording. What must not: drawing (package
// report), parsing (package recording), filters and estimates (package signal).
package inspection
