# Stackbox. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
TARGETS ?=
DESTINATION ?= bin/
CMD ?=
COMPILED ?=
compiled = $(if $(filter-out 0,$(COMPILED)),--compiled)
build_level = $(if $(compiled)$(filter compiled,$(TARGETS)),dev,run)
PYTEST_ARGS ?=
export CMD TARGETS

KNOWN := help run test unit-tests tests programs soak build copy lint format bench bench-compare clean

.PHONY: $(KNOWN)

help: ## this list
	@echo "make run                          the main job: python3 and curl in a sandbox, over our own TCP"
	@echo "make run CMD='…'                  any command in a sandbox; prints its exit status"
	@echo "make test [TARGETS=LABELS]        the quick tests, or those named: //runsc:version_test, //tcpip/..., tests/unit"
	@echo "make unit-tests                   tests that need no privilege and no guest"
	@echo "make tests                        every test but the soak"
	@echo "make programs [TARGETS=NAMES]     real programs natively and inside; writes docs/compatibility.md"
	@echo "make soak                         what takes hours"
	@echo "make build TARGETS=tcpip|runsc    a wheel of the netstack alone | the self-contained executable"
	@echo "make build TARGETS=compiled       tcpip and sandbox compiled (mypyc) in build/compiled/, to run from there"
	@echo "… COMPILED=1                      with build and copy: the same wheel or executable, compiled; with test,"
	@echo "                                  unit-tests and tests: the same suite on the compiled modules"
	@echo "make copy TARGETS=runsc DESTINATION=bin/   build and copy it there"
	@echo "make lint                         ruff, mypy --strict, file sizes, import directions"
	@echo "make format                       let ruff format the code"
	@echo "make bench                        the figures, as a table and as JSON in out/"
	@echo "make bench-compare A=… B=…        two of those JSON files side by side"
	@echo "make clean                        remove what was built"

run:
	@sh tools/setup.sh run
	@$(PYTHON) -m tools.run_command

test:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.run_tests $(compiled) test $(TARGETS) -- $(PYTEST_ARGS)

unit-tests:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.run_tests $(compiled) unit-tests $(TARGETS) -- $(PYTEST_ARGS)

tests:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.run_tests $(compiled) tests $(TARGETS) -- $(PYTEST_ARGS)

programs:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tests.programs.run $(TARGETS); status=$$?; $(PYTHON) -m tests.programs.report; exit $$status

soak:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.run_tests $(compiled) soak $(TARGETS) -- $(PYTEST_ARGS)

build:
	@sh tools/setup.sh $(build_level)
	@$(PYTHON) -m tools.build $(compiled) $(TARGETS)

copy:
	@sh tools/setup.sh $(build_level)
	@$(PYTHON) -m tools.build $(compiled) --destination "$(DESTINATION)" $(TARGETS)

lint:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.lint

format:
	@sh tools/setup.sh dev
	@$(PYTHON) -m ruff format .

bench:
	@sh tools/setup.sh dev
	@$(PYTHON) -m tools.bench $(TARGETS)

bench-compare:
	@sh tools/setup.sh run
	@$(PYTHON) -m tools.bench compare "$(A)" "$(B)"

clean:
	rm -rf .venv build dist bin out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

%:
	@echo "make: unknown target '$@'; known: $(KNOWN)" >&2; exit 2

Makefile: ;
