# `make` alone prints the targets.

LINT = go tool -modfile=.ci/tools/go.mod golangci-lint

.PHONY: help run dev test soak check vuln guard bench profile bench-floods generate pictures build

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

check: ## check format, vet and lint, generated code, go.mod, and the house rules
	go tool templ fmt -fail .
	$(LINT) fmt --diff
	$(LINT) run ./...
	go tool templ generate && git diff --exit-code -- '*_templ.go'
	go mod tidy -diff
	go test -vet=off -run 'House|Import' ./cmd/fieldbridge

vuln: ## look for known vulnerabilities, if the vulnerability database can be reached
	.ci/vuln

guard: ## fail if a request allocates more than its limit, or if short contests with the floors go badly (run nothing else)
	go test ./cmd/fieldbridge -vet=off -run '^TestGuard' -bench '^BenchmarkGuard' -benchtime 1x -v -count=1

EXPRESS = .ci/peers/express

bench: $(EXPRESS)/node_modules ## run the benchmarks, and print the goals: connect flow, status page, tokens, renewals, staff list, memory, start
	go test ./cmd/fieldbridge -run '^$$' -bench . -skip 'Floods|Guard' -benchtime 1x -timeout 60m

$(EXPRESS)/node_modules: $(EXPRESS)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $(EXPRESS) --no-audit --no-fund && touch $@; \
	else echo "npm is not installed, so the flow is not compared with Express"; fi

PROFILES = bin/profiles

profile: ## save profiles of serve in bin/profiles (PROFILES=folder), and print what each layer of a request costs
	FIELDBRIDGE_BENCH_PROFILES=$(abspath $(PROFILES)) go test ./cmd/fieldbridge -run '^$$' -bench Profile -benchtime 1x -timeout 30m
	@cat $(PROFILES)/layers.txt

bench-floods: ## measure how long people wait while others flood the sign-in, on SQLite and PostgreSQL
	go test ./cmd/fieldbridge -run '^$$' -bench Floods -benchtime 1x -timeout 30m

generate: ## generate the pages' Go code and the configuration table
	go generate ./...

pictures: ## make the README's pictures from the real pages (needs Debian's package webp)
	.ci/pictures

build: ## build bin/fieldbridge (VERSION=v1.2.3 names a release)
	go build -buildvcs=auto -ldflags "-X main.version=$(VERSION)" -o bin/fieldbridge ./cmd/fieldbridge
