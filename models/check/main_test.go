package check_test

import (
	"testing"

	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

func TestMain(m *testing.M) { modeltest.Main(m) }
