// Package stream generates never-ending symbol and scalar streams with known structure: sequences that only a long memory tells apart,
// endings that change half-way, several endings to one context, and a taxi-like daily and weekly rhythm.
//
// What may enter: generators of one-dimensional streams whose best possible prediction is known. What must not: encoders, predictors,
// or anything that knows which system learns the stream.
package stream
