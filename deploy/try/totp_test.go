package main

import (
	"testing"
	"time"
)

// RFC 6238, appendix B, in base32 and cut to six digits.
func TestPublishedVectors(t *testing.T) {
	for seconds, wanted := range map[int64]string{59: "287082", 1111111109: "081804", 20000000000: "353130"} {
		if got, err := totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", time.Unix(seconds, 0)); err != nil || got != wanted {
			t.Errorf("at %d: %q, %v, not %q", seconds, got, err, wanted)
		}
	}
}
