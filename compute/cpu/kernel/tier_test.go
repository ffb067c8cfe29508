package kernel

import (
	"strings"
	"testing"
)

func TestTierNames(t *testing.T) {
	defer Use(Active())
	for _, tier := range Tiers() {
		if err := useNamed(tier.String()); err != nil || Active() != tier {
			t.Errorf("the name %s gives tier %s, error %v", tier, Active(), err)
		}
	}
	was := Active()
	for _, err := range []error{useNamed("abacus"), Use(200)} {
		if err == nil || !strings.Contains(err.Error(), Portable.String()) {
			t.Errorf("a tier that does not exist gives the error %v, which does not name those that do", err)
		}
	}
	if Active() != was {
		t.Errorf("after errors the tier is %s, not still %s", Active(), was)
	}
}
