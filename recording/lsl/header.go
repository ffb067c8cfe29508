package lsl

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxHeader is how many bytes a request or the head of an answer may take.
const maxHeader = 64 << 10

// maxFields is how many fields it may have.
const maxFields = 100

// readLine reads a line of at most 16 KiB, without its end.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return strings.TrimSpace(string(line)), nil
		}
		if err != bufio.ErrBufferFull || len(line) > 16<<10 {
			if err == io.EOF && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			if err == bufio.ErrBufferFull {
				err = corrupt("line", "more than 16 KiB", "a line of a header")
			}
			return "", err
		}
	}
}

// fields are the lines "Key: value" of a header, keys and values in lower case.
type fields map[string]string

// readFields reads a header up to its empty line. What follows a semicolon is a comment.
func readFields(in *bufio.Reader) (fields, error) {
	f := fields{}
	for lines := 0; ; lines++ {
		line, err := readLine(in)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if line == "" {
			return f, nil
		}
		if lines == maxFields {
			return nil, corrupt("header", fmt.Sprintf("more than %d lines", maxFields), "an empty line at its end")
		}
		line, _, _ = strings.Cut(line, ";")
		if key, value, ok := strings.Cut(line, ":"); ok {
			f[strings.ToLower(strings.TrimSpace(key))] = strings.ToLower(strings.TrimSpace(value))
		}
	}
}

// number reads a field as a whole number; one that is missing has the value otherwise.
func (f fields) number(key string, otherwise int) (int, error) {
	text, there := f[key]
	if !there {
		return otherwise, nil
	}
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, corrupt(key, fmt.Sprintf("%.40q", text), "a whole number")
	}
	return int(v), nil
}
