package gitsync_test

import (
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

func beAtLeast(n int64) types.GomegaMatcher { return gomega.BeNumerically(">=", n) }
