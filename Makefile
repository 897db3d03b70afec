# What can be set is told in README.md; variables given to make reach every script and service.
.DEFAULT_GOAL := help
.PHONY: help run start stop status seed reset test test-api chaos load simulate test-broker bench bench-broker lint format clean

help: ## Tell what can be made.
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Install, build and start everything, stream the logs; Ctrl-C stops it all.
	@infrastructure/suite.sh run

start: ## The same in the background. GATEWAYS=2 CARTS=2 INVENTORIES=2 start more of each.
	@infrastructure/suite.sh start

stop: ## Stop what was started; its data stays.
	@infrastructure/suite.sh stop

status: ## Tell what runs where, and whether it is ready.
	@infrastructure/suite.sh status

seed: ## Load TABLE=inventory|products from FILE=rows.csv, or the samples.
	@infrastructure/suite.sh seed

reset: ## Stop, and delete the data.
	@infrastructure/suite.sh reset

test: ## Install, build, and run every test with servers of its own. FILTER=Name runs some.
	@infrastructure/test.sh

test-api: ## Build, and compare a gateway's answers with its description. EXAMPLES=500 asks more, SEED=k repeats a run.
	@infrastructure/test.sh api

chaos: ## Build, and kill, stop and pause everything under load for MINUTES=5; SEED=k repeats the faults.
	@infrastructure/chaos.sh

load: ## Put the running suite under load; ARGS="--scenario hot --rate 1000 --html load.html", see docs/load.md.
	@infrastructure/load.sh $(ARGS)

simulate: ## Live SEEDS=1000 random lives of the suite in memory, from FIRST_SEED=1, and check them. VARIANT=all breaks it.
	@infrastructure/simulate.sh

test-broker: ## Build, and drive the broker from outside with other Kafka clients. ROUNDS=50 crashes it as often.
	@infrastructure/test-broker.sh

bench: ## Measure a fresh suite beside pgbench, write docs/benchmarks.md. GROWTH=1 grows the shop too, QUICK=1 only tries.
	@infrastructure/bench.sh

bench-broker: ## Measure the broker, or KAFKA_BROKERS. REPORT=docs/broker-benchmarks.md keeps the figures.
	@infrastructure/bench-broker.sh

lint: ## Check the style of sources and scripts.
	@infrastructure/lint.sh

format: ## Bring the sources into the style.
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

clean: reset ## Stop, delete the data and all that was built.
	@rm -rf .build
