# Longer campaigns than `.ci/run` has time for. A campaign that was cut off goes on where it stopped.
KILLS ?= 10000
SHARDS ?= 2
SEED ?= 1
OUT ?= campaign

.PHONY: campaign coverage
coverage: ## the default tests with branch coverage, and its floor
	pytest --timeout=300 --cov --cov-report=term:skip-covered

campaign: ## kill reconcilers, agents, wrappers, gates and git KILLS times, and judge each end by the world
	seq 0 $$(($(SHARDS) - 1)) | xargs -P $(SHARDS) -I K \
		python3 -m tests.campaign.run --out $(OUT) --kills $(KILLS) --seed $(SEED) --shard K/$(SHARDS)
	python3 -m tests.campaign.run --out $(OUT) --report
