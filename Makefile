# `make` alone prints the targets.

LINT = go tool -modfile=.ci/tools/go.mod golangci-lint

.PHONY: help run dev test soak check vuln bench bench-floods generate build

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start the demo: the app beside the sandbox
	go run ./cmd/fieldbridge demo

dev: ## the demo, rebuilt and reloaded when a page changes
	go tool templ generate --watch --proxy=http://localhost:8080 --cmd="go run ./cmd/fieldbridge demo --keep"

test: ## run all tests (TESTFLAGS=-race for the race detector)
	go test $(TESTFLAGS) ./...

soak: ## run the tests named TestSoak… at full length: killed and stopped processes, an outage, a day with 10,000 connections
	FIELDBRIDGE_TEST_FULL=1 go test ./models/... -run '^TestSoak' -v -count=1 -timeout 90m

check: ## format, vet, lint, generated code, go.mod, import rules
	go tool templ fmt -fail .
	go vet ./...
	$(LINT) fmt --diff
	$(LINT) run ./...
	go tool templ generate && git diff --exit-code -- '*_templ.go'
	go mod tidy -diff
	go test -run 'House|Import' ./cmd/fieldbridge

vuln: ## look for known vulnerabilities, if their database can be reached
	.ci/vuln

bench: ## print the figures: connect flow, status page, tokens, renewals, memory, start
	go test ./cmd/fieldbridge -run '^$$' -bench . -benchtime 1x -timeout 30m

bench-floods: ## print how long people wait while others flood the sign-in, on SQLite and PostgreSQL
	go test ./cmd/fieldbridge -run '^$$' -bench Floods -benchtime 1x -timeout 30m

generate: ## make the pages' Go code and the table of the configuration
	go generate ./...

build: ## build bin/fieldbridge (VERSION=v1.2.3 names a release)
	go build -buildvcs=auto -ldflags "-X main.version=$(VERSION)" -o bin/fieldbridge ./cmd/fieldbridge
