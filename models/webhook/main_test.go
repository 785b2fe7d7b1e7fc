package webhook_test

import (
	"testing"

	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

func TestMain(m *testing.M) { modeltest.Main(m) }

func TestWebhooksMatchTheSchema(t *testing.T) {
	modeltest.MatchSchema(t, &webhook.Endpoint{}, &webhook.Queued{}, &webhook.Delivery{}, &webhook.Attempt{})
}
