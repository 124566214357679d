package v1alpha1

import (
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Duration is a length of time as Go writes it, such as "30s", "5m" or "1h30m". It is not negative.
//
// +kubebuilder:validation:Pattern=`^([0-9]{1,5}(h|m|s|ms)){1,4}$`
// +kubebuilder:validation:MaxLength=24
type Duration string

// Parse returns the length of time. The empty Duration is zero. The error names the text.
func (d Duration) Parse() (time.Duration, error) {
	if d == "" {
		return 0, nil
	}
	v, err := time.ParseDuration(string(d))
	if err != nil {
		return 0, fmt.Errorf("duration %q: want a form such as 30s, 5m or 1h30m", string(d))
	}
	if v < 0 {
		return 0, fmt.Errorf("duration %q: must not be negative", string(d))
	}
	return v, nil
}

// ParsePauseDuration reads a pause's duration: a number is seconds, a text is a number of seconds or a Duration.
func ParsePauseDuration(v intstr.IntOrString) (time.Duration, error) {
	if v.Type == intstr.Int {
		if v.IntVal < 0 {
			return 0, fmt.Errorf("duration %d: must not be negative", v.IntVal)
		}
		return time.Duration(v.IntVal) * time.Second, nil
	}
	if seconds, err := strconv.ParseInt(v.StrVal, 10, 32); err == nil {
		return ParsePauseDuration(intstr.FromInt32(int32(seconds)))
	}
	return Duration(v.StrVal).Parse()
}
