# `make` alone prints the targets.

LINT = go tool -modfile=.ci/tools/go.mod golangci-lint

.PHONY: help run dev test soak check vuln bench bench-floods generate build

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start the demo: the app and the sandbox
	go run ./cmd/fieldbridge demo

dev: ## start the demo, and rebuild and reload it when a page changes
	go tool templ generate --watch --proxy=http://localhost:8080 --cmd="go run ./cmd/fieldbridge demo --keep"

test: ## run all tests (TESTFLAGS=-race for the race detector)
	go test $(TESTFLAGS) ./...

soak: ## run the tests named TestSoak… at full length: killed and stopped processes, an outage, a day with 10,000 connections
	FIELDBRIDGE_TEST_FULL=1 go test ./models/... -run '^TestSoak' -v -count=1 -timeout 90m

check: ## check format, vet, lint, generated code, go.mod, and the house rules
	go tool templ fmt -fail .
	go vet ./...
	$(LINT) fmt --diff
	$(LINT) run ./...
	go tool templ generate && git diff --exit-code -- '*_templ.go'
	go mod tidy -diff
	go test -run 'House|Import' ./cmd/fieldbridge

vuln: ## look for known vulnerabilities, if the vulnerability database can be reached
	.ci/vuln

bench: ## run the benchmarks: connect flow, status page, tokens, renewals, memory, start
	go test ./cmd/fieldbridge -run '^$$' -bench . -benchtime 1x -timeout 30m

bench-floods: ## measure how long people wait while others flood the sign-in, on SQLite and PostgreSQL
	go test ./cmd/fieldbridge -run '^$$' -bench Floods -benchtime 1x -timeout 30m

generate: ## generate the pages' Go code and the configuration table
	go generate ./...

build: ## build bin/fieldbridge (VERSION=v1.2.3 names a release)
	go build -buildvcs=auto -ldflags "-X main.version=$(VERSION)" -o bin/fieldbridge ./cmd/fieldbridge
