package analysis

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"
)

// maxShown is how much of a value is kept, in bytes.
const maxShown = 1 << 10

// Render gives a value as JSON, cut to 1 KiB. NaN and the infinities, which JSON lacks, are texts.
func Render(value any) string {
	text, err := json.Marshal(renderable(value))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return cut(string(text), maxShown)
}

func renderable(value any) any {
	switch v := value.(type) {
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "+Inf"
		case math.IsInf(v, -1):
			return "-Inf"
		}
		return v
	case []float64:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = renderable(element)
		}
		return out
	}
	return value
}

// cut shortens a text to at most limit bytes, at a letter, and marks it.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// oneLine makes a text of unknown origin fit for a message: no control characters, at most limit bytes.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return cut(strings.TrimSpace(text), limit)
}
